namespace CudaNet.Tests.Ops;

/// <summary>Recurrent layers against PyTorch, at and beyond the ends of sequences, and their errors.</summary>
[TestFixture("cpu")]
[TestFixture("simt")]
public sealed class RecurrentTests(string deviceName)
{
    private const int Steps = 5;
    private const int Batch = 3;
    private const int Features = 4;
    private const int Units = 3;

    private static readonly long[] PackedLengths = [3, 5, 1];

    private Device _device = Device.Cpu;

    [SetUp]
    public void OpenDevice() => _device = TestDevices.Open(deviceName);

    /// <summary>The loss and the gradients of input, states, weights and biases, as recorded by tests/golden/make_recurrent.py from
    /// PyTorch 1.13, where the formulas stand that <see cref="Layer"/> repeats.</summary>
    [TestCase(
        "lstm",
        RnnNonlinearity.Tanh,
        false,
        false,
        new[]
        {
            -0.27576120273556,
            1.150622658914,
            0.19160341193379,
            0.91015419909974,
            -0.26385126721784,
            -0.045912063286631,
            -0.77031742270027,
            -0.77031742270027,
        }
    )]
    [TestCase(
        "lstm",
        RnnNonlinearity.Tanh,
        false,
        true,
        new[]
        {
            0.17449942003066,
            2.3105569547679,
            0.033365193095163,
            0.50240515757635,
            -0.18645578592374,
            0.61072428258809,
            -0.23042866784856,
            -0.23042866784856,
        }
    )]
    [TestCase(
        "lstm",
        RnnNonlinearity.Tanh,
        true,
        false,
        new[]
        {
            -1.3072661721042,
            -0.89143547367787,
            0.39989843467473,
            0.56901821229365,
            0.076335169493466,
            -0.39642017170793,
            -1.2700604060456,
            -1.2700604060456,
        }
    )]
    [TestCase(
        "lstm",
        RnnNonlinearity.Tanh,
        true,
        true,
        new[]
        {
            -0.17874385719861,
            1.4079317702441,
            -0.025451527831465,
            -0.11187573332647,
            0.24350200056243,
            -0.31936933181487,
            0.3100292204406,
            0.3100292204406,
        }
    )]
    [TestCase(
        "gru",
        RnnNonlinearity.Tanh,
        false,
        false,
        new[]
        {
            0.45155398820355,
            7.3522339156088,
            1.6824088255527,
            0.31737324223278,
            0.50863105138099,
            0.29530443957882,
            0.30540564428694,
        }
    )]
    [TestCase(
        "gru",
        RnnNonlinearity.Tanh,
        false,
        true,
        new[]
        {
            0.99232437265308,
            9.0958157948883,
            1.1983699463624,
            -0.047375386973451,
            0.56768682769737,
            0.46988758586231,
            0.30468856312321,
        }
    )]
    [TestCase(
        "gru",
        RnnNonlinearity.Tanh,
        true,
        false,
        new[]
        {
            -1.2035649344778,
            3.9522721330761,
            2.5634019334593,
            1.1699803014757,
            0.91234721003151,
            -1.5759333760971,
            -0.9406917728235,
        }
    )]
    [TestCase(
        "gru",
        RnnNonlinearity.Tanh,
        true,
        true,
        new[]
        {
            0.19947661636632,
            5.9561952263358,
            0.8879093514988,
            -0.10021537115502,
            0.72556622533294,
            -1.1998474937608,
            -0.94626428429022,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Tanh,
        false,
        false,
        new[]
        {
            -0.55178377567905,
            -13.235359645274,
            -2.0231578509446,
            -1.0858309937994,
            -1.0464355888155,
            1.0603620703927,
            1.0603620703927,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Tanh,
        false,
        true,
        new[]
        {
            0.076071213263445,
            -10.775016427845,
            0.019877308918888,
            1.0280675614544,
            -0.54040439999,
            0.55883014715206,
            0.55883014715206,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Tanh,
        true,
        false,
        new[]
        {
            1.9775026795179,
            -8.2846519236025,
            -2.0969319863719,
            -0.49678231973008,
            -2.4338134799732,
            -0.14013420255412,
            -0.14013420255412,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Tanh,
        true,
        true,
        new[]
        {
            1.9967428576503,
            -8.3439600782215,
            -0.37126053832847,
            0.53830359097828,
            -1.8362939017767,
            -0.71615858516762,
            -0.71615858516762,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Relu,
        false,
        false,
        new[]
        {
            0.052790754625345,
            -9.780778111349,
            -0.79395539332103,
            -1.4837121737441,
            0.5399519413081,
            1.1321336565548,
            1.1321336565548,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Relu,
        false,
        true,
        new[]
        {
            0.029217789760643,
            -5.3056787139817,
            0.015810218584379,
            0.0087853235241407,
            -0.6776615710482,
            -0.010265715561324,
            -0.010265715561324,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Relu,
        true,
        false,
        new[]
        {
            1.679179329068,
            -5.1233686588659,
            -1.990873715145,
            -0.55159502262105,
            -1.7271216674655,
            1.2258928795541,
            1.2258928795541,
        }
    )]
    [TestCase(
        "rnn",
        RnnNonlinearity.Relu,
        true,
        true,
        new[]
        {
            0.95307614367857,
            -5.8602685921321,
            -0.43210671317058,
            -3.8483366047209,
            -2.8649164692171,
            1.5419219387687,
            1.5419219387687,
        }
    )]
    public void AgreesWithPyTorch(
        string kind,
        RnnNonlinearity nonlinearity,
        bool withLengths,
        bool reverse,
        double[] expected
    )
    {
        using var frame = Lifetime.Frame();
        var layer = new Layer(kind, nonlinearity, _device);
        var lengths = withLengths ? Tensor.From<long>(PackedLengths, device: _device) : null;
        var numbers = layer.Probe(layer.Input, lengths, reverse).Select(t => t.Item()).ToArray();
        Assert.That(numbers, Is.EqualTo(expected).Within(1e-11));
    }

    /// <summary>What stands beyond a sequence's end has no influence, not even on the gradients of weights, and gets the gradient zero.</summary>
    [Test]
    public void NothingBeyondTheEndMatters(
        [Values("lstm", "gru", "rnn")] string kind,
        [Values] RnnNonlinearity nonlinearity,
        [Values] bool reverse
    )
    {
        using var frame = Lifetime.Frame();
        var layer = new Layer(kind, nonlinearity, _device);
        var lengths = Tensor.From<long>(PackedLengths, device: _device);
        var inside = Tensor.Arange(Steps, device: _device).Reshape(Steps, 1).Lt(lengths).Reshape(Steps, Batch, 1);
        var other = Tensor.Where(inside, layer.Input, 7).Detach();
        other.RequiresGrad = true;

        var (before, after) = (layer.Probe(layer.Input, lengths, reverse), layer.Probe(other, lengths, reverse));
        var (output, _) = layer.Run(layer.Input, lengths, reverse);
        var gradient = Autograd.Grad([output.Square().Sum()], [layer.Input])[0];

        var beyond = inside.LogicalNot();
        Assert.Multiple(() =>
        {
            Assert.That(after.Select(t => t.Item()), Is.EqualTo(before.Select(t => t.Item())));
            Assert.That(Tensor.Where(beyond, gradient, 0).ToDoubles(), Is.All.Zero);
            Assert.That(Tensor.Where(beyond, output, 0).ToDoubles(), Is.All.Zero);
            Assert.That(gradient.Abs().Sum().Item(), Is.Positive);
        });
    }

    [Test]
    public void TheLastStateIsThatOfEachSequencesEnd([Values("lstm", "gru", "rnn")] string kind, [Values] bool reverse)
    {
        using var frame = Lifetime.Frame();
        var layer = new Layer(kind, RnnNonlinearity.Tanh, _device);
        var lengths = Tensor.From<long>([0, 5, 2], device: _device);
        var (output, states) = layer.Run(layer.Input, lengths, reverse);
        var rows = output.ToDoubles().Chunk(Units).ToArray();
        var last = states[0].ToDoubles().Chunk(Units).ToArray();
        Assert.Multiple(() =>
        {
            Assert.That(last[0], Is.EqualTo(layer.Hidden.Slice(0, 0, 1).ToDoubles()));
            Assert.That(last[1], Is.EqualTo(rows[(reverse ? 0 : 4) * Batch + 1]));
            Assert.That(last[2], Is.EqualTo(rows[(reverse ? 0 : 1) * Batch + 2]));
            if (kind == "lstm")
                Assert.That(states[1].Slice(0, 0, 1).ToDoubles(), Is.EqualTo(layer.Cell.Slice(0, 0, 1).ToDoubles()));
        });
    }

    /// <summary>Without weights all gates are 1/2 and c halves; with the forget gate open and the input gate shut c stays as it is.</summary>
    [Test]
    public void AnLstmKeepsWhatItsForgetGateLetsThrough()
    {
        using var frame = Lifetime.Frame();
        var (x, c) = (Tensor.Ones([1, 2], DType.Float64, _device), Tensor.Ones([1, 1], DType.Float64, _device));
        var h = Tensor.Zeros([1, 1], DType.Float64, _device);
        var (wide, square) = (
            Tensor.Zeros([4, 2], DType.Float64, _device),
            Tensor.Zeros([4, 1], DType.Float64, _device)
        );
        var halved = x.LstmCell(h, c, wide, square);
        var open = Tensor.From<double>([-1e3, 1e3, 0, 0], device: _device);
        var kept = x.LstmCell(h, c, wide, square, open);
        Assert.Multiple(() =>
        {
            Assert.That(halved.Cell.Item(), Is.EqualTo(0.5));
            Assert.That(halved.Hidden.Item(), Is.EqualTo(0.5 * Math.Tanh(0.5)).Within(1e-15));
            Assert.That(kept.Cell.Item(), Is.EqualTo(1));
        });
    }

    [Test]
    public void AStepIsASequenceOfOne()
    {
        using var frame = Lifetime.Frame();
        var layer = new Layer("gru", RnnNonlinearity.Tanh, _device);
        var (w, u, b, d) = (layer.Parameters[0], layer.Parameters[1], layer.Parameters[2], layer.Parameters[3]);
        var h = layer.Hidden;
        for (var step = 0; step < Steps; step++)
            h = layer.Input.Select(0, step).GruCell(h, w, u, b, d);
        Assert.That(
            h.ToDoubles(),
            Is.EqualTo(layer.Run(layer.Input, null, reverse: false).States[0].ToDoubles()).Within(1e-14)
        );
    }

    [Test]
    public void ErrorsNameShapesAndTheWayOut()
    {
        using var frame = Lifetime.Frame();
        Tensor Ones(params long[] shape) => Tensor.Ones(shape, device: _device);
        var (x, w, u) = (Ones(2, 3, 4), Ones(8, 4), Ones(8, 2));
        Assert.Multiple(() =>
        {
            Assert.That(
                () => x.Lstm(Ones(8, 5), u),
                Throws.TypeOf<ShapeException>().With.Message.Contains("weight_ih must be (8, 4)")
            );
            Assert.That(
                () => x.Gru(w, u),
                Throws.TypeOf<ShapeException>().With.Message.Contains("weight_hh must be (3 · units, units)")
            );
            Assert.That(
                () => x.Lstm(w, u, hidden: Ones(2, 2)),
                Throws.TypeOf<ShapeException>().With.Message.Contains("h0 must be (batch, units) = (3, 2)")
            );
            Assert.That(
                () => x.Lstm(w, u, Ones(2)),
                Throws.TypeOf<ShapeException>().With.Message.Contains("bias_ih must be (8)")
            );
            Assert.That(
                () => x.Lstm(w, u, lengths: Ones(3)),
                Throws.TypeOf<DTypeException>().With.Message.Contains("Cast(DType.Int64)")
            );
            Assert.That(
                () => x.Lstm(w, u, lengths: Tensor.From<long>([1, 2], device: _device)),
                Throws.TypeOf<ShapeException>().With.Message.Contains("lengths must be (3)")
            );
            Assert.That(
                () => Ones(0, 3, 4).Lstm(w, u),
                Throws.TypeOf<ShapeException>().With.Message.Contains("at least one step")
            );
        });
    }

    [TestCase(-1)]
    [TestCase(6)]
    public void ALengthThatIsNoneIsAnErrorOnTheCpuAndTheNearestOneElsewhere(long wrong)
    {
        using var frame = Lifetime.Frame();
        var layer = new Layer("lstm", RnnNonlinearity.Tanh, _device);
        Tensor Last(long length) =>
            layer.Run(layer.Input, Tensor.From<long>([2, length, 4], device: _device), reverse: true).States[0];
        if (deviceName == "cpu")
            Assert.That(
                () => Last(wrong),
                Throws
                    .TypeOf<ShapeException>()
                    .With.Message.Contains(
                        $"sequence 1 has the length {wrong}; expected a length from 0 to the 5 steps"
                    )
            );
        else
            Assert.That(Last(wrong).ToDoubles(), Is.EqualTo(Last(Math.Clamp(wrong, 0, Steps)).ToDoubles()));
    }

    [Test]
    public void ResultsDoNotDependOnThreads()
    {
        using var frame = Lifetime.Frame();
        var generator = new Generator(3);
        Tensor Drawn(params long[] shape) => Tensor.RandN(new Shape(shape), generator: generator).To(_device);
        var (x, w, u) = (Drawn(4, 40, 16), Drawn(96, 16), Drawn(96, 24));
        var threads = CpuThreads.Count;
        try
        {
            CpuThreads.Count = 1;
            var one = x.Lstm(w, u).Output.ToDoubles();
            CpuThreads.Count = threads;
            Assert.That(x.Lstm(w, u).Output.ToDoubles(), Is.EqualTo(one));
        }
        finally
        {
            CpuThreads.Count = threads;
        }
    }

    /// <summary>A layer whose tensors come from the formulas of tests/golden/make_recurrent.py.</summary>
    private sealed class Layer
    {
        private readonly string _kind;
        private readonly RnnNonlinearity _nonlinearity;

        public Layer(string kind, RnnNonlinearity nonlinearity, Device device)
        {
            (_kind, _nonlinearity) = (kind, nonlinearity);
            Tensor Filled(int k, params long[] shape)
            {
                var values = new double[new Shape(shape).NumElements];
                for (var i = 0; i < values.Length; i++)
                    values[i] = 0.8 * Math.Sin(1.7 * i + 0.3 + k);
                var tensor = Tensor.From<double>(values, shape, device);
                tensor.RequiresGrad = true;
                return tensor;
            }
            var gates = kind switch
            {
                "lstm" => 4,
                "gru" => 3,
                _ => 1,
            };
            Input = Filled(0, Steps, Batch, Features);
            (Hidden, Cell) = (Filled(1, Batch, Units), Filled(2, Batch, Units));
            Parameters =
            [
                Filled(3, gates * Units, Features),
                Filled(4, gates * Units, Units),
                Filled(5, gates * Units),
                Filled(6, gates * Units),
            ];
        }

        public Tensor Input { get; }

        public Tensor Hidden { get; }

        public Tensor Cell { get; }

        public Tensor[] Parameters { get; }

        public (Tensor Output, Tensor[] States) Run(Tensor input, Tensor? lengths, bool reverse)
        {
            var (w, u, b, d) = (Parameters[0], Parameters[1], Parameters[2], Parameters[3]);
            if (_kind == "lstm")
            {
                var lstm = input.Lstm(w, u, b, d, Hidden, Cell, lengths, reverse);
                return (lstm.Output, [lstm.Hidden, lstm.Cell]);
            }
            var (output, hidden) =
                _kind == "gru"
                    ? input.Gru(w, u, b, d, Hidden, lengths, reverse)
                    : input.Rnn(w, u, b, d, Hidden, lengths, reverse, _nonlinearity);
            return (output, [hidden]);
        }

        /// <summary>The loss, and a number for each gradient.</summary>
        public Tensor[] Probe(Tensor input, Tensor? lengths, bool reverse)
        {
            var (output, states) = Run(input, lengths, reverse);
            var loss = Weighed(output, 0.9).Add(Weighed(states[0], 0.7));
            if (states.Length > 1)
                loss = loss.Add(Weighed(states[1], 0.5));
            Tensor[] leaves = [input, Hidden, .. states.Length > 1 ? [Cell] : Array.Empty<Tensor>(), .. Parameters];
            return [loss, .. Autograd.Grad([loss], leaves).Select(g => Weighed(g, 0.9))];
        }

        private static Tensor Weighed(Tensor tensor, double frequency) =>
            tensor
                .Reshape(tensor.NumElements)
                .Mul(Tensor.Arange(tensor.NumElements, tensor.DType, tensor.Device).Affine(frequency).Cos())
                .Sum();
    }
}
