namespace CudaNet.Nn;

/// <summary>A module that can be made by name, with PyTorch's names for the arguments of its constructor.</summary>
public sealed class RegisteredModule
{
    private readonly OpSignature _signature;
    private readonly Func<ModuleArguments, Module<Tensor, Tensor>> _create;

    internal RegisteredModule(string name, string arguments, Func<ModuleArguments, Module<Tensor, Tensor>> create)
    {
        (Name, _create) = (name, create);
        _signature = new OpSignature($"input; {arguments} -> output");
    }

    /// <summary>PyTorch's name of the class.</summary>
    public string Name { get; }

    /// <summary>The arguments of the constructor; those without a default must be given.</summary>
    public IReadOnlyList<AttributeParameter> Arguments => _signature.Attributes;

    /// <summary>A new module on the default device.</summary>
    /// <param name="arguments">Values by name, as text: <c>3</c>, <c>1e-5</c>, <c>true</c>, <c>3,3</c>, <c>reflect</c>, <c>f64</c>.</param>
    /// <exception cref="AttributeException">A name or value is unknown, or one without a default is missing.</exception>
    public Module<Tensor, Tensor> Create(IReadOnlyDictionary<string, string> arguments) =>
        _create(new(_signature, _signature.ParseAttributes(Name, arguments)));
}

/// <summary>The arguments of one module, by name.</summary>
internal sealed class ModuleArguments(OpSignature signature, Attributes values)
{
    public long Int(string name) => values.Int(Index(name));

    public double Float(string name) => values.Float(Index(name));

    public bool Bool(string name) => values.Bool(Index(name));

    public long[] Ints(string name) => values.Ints(Index(name)).ToArray();

    /// <summary>A list that PyTorch's None, here an empty one, leaves out.</summary>
    public long[]? IntsOrNull(string name) => Ints(name) is { Length: > 0 } given ? given : null;

    public DType DType => (DType)values.Int(Index("dtype"));

    private int Index(string name) => signature.Attributes.Index().Single(a => a.Item.Name == name).Index;
}

/// <summary>
/// The modules that can be made by name, so that somebody who ports a network can compare it layer by layer. Names, arguments and defaults are
/// those of torch.nn; a size is one number or several.
/// </summary>
public static class ModuleRegistry
{
    private const string Windows = "kernel_size: ints, stride: ints =, padding: ints = 0";
    private const string BatchStatistics =
        "num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = true, track_running_stats: bool = true, dtype: dtype = f32";
    private const string InstanceStatistics =
        "num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = false, track_running_stats: bool = false, dtype: dtype = f32";

    /// <summary>All of them, sorted by name.</summary>
    public static IReadOnlyList<RegisteredModule> All { get; } =
    [
        .. new RegisteredModule[]
        {
            new("AdaptiveAvgPool1d", "output_size: int", a => new AdaptiveAvgPool1d(a.Int("output_size"))),
            new("AdaptiveAvgPool2d", "output_size: ints", a => new AdaptiveAvgPool2d(a.Ints("output_size"))),
            new("AdaptiveAvgPool3d", "output_size: ints", a => new AdaptiveAvgPool3d(a.Ints("output_size"))),
            new("AdaptiveMaxPool1d", "output_size: int", a => new AdaptiveMaxPool1d(a.Int("output_size"))),
            new("AdaptiveMaxPool2d", "output_size: ints", a => new AdaptiveMaxPool2d(a.Ints("output_size"))),
            new("AdaptiveMaxPool3d", "output_size: ints", a => new AdaptiveMaxPool3d(a.Ints("output_size"))),
            AveragePooling("AvgPool1d", (k, s, p, c, i) => new AvgPool1d(k[0], s?[0], p[0], c, i)),
            AveragePooling("AvgPool2d", (k, s, p, c, i) => new AvgPool2d(k, s, p, c, i)),
            AveragePooling("AvgPool3d", (k, s, p, c, i) => new AvgPool3d(k, s, p, c, i)),
            MaximumPooling("MaxPool1d", (k, s, p, d, c) => new MaxPool1d(k[0], s?[0], p[0], d[0], c)),
            MaximumPooling("MaxPool2d", (k, s, p, d, c) => new MaxPool2d(k, s, p, d, c)),
            MaximumPooling("MaxPool3d", (k, s, p, d, c) => new MaxPool3d(k, s, p, d, c)),
            Padding("CircularPad1d", p => new CircularPad1d(p)),
            Padding("CircularPad2d", p => new CircularPad2d(p)),
            Padding("CircularPad3d", p => new CircularPad3d(p)),
            Padding("ReflectionPad1d", p => new ReflectionPad1d(p)),
            Padding("ReflectionPad2d", p => new ReflectionPad2d(p)),
            Padding("ReflectionPad3d", p => new ReflectionPad3d(p)),
            Padding("ReplicationPad1d", p => new ReplicationPad1d(p)),
            Padding("ReplicationPad2d", p => new ReplicationPad2d(p)),
            Padding("ReplicationPad3d", p => new ReplicationPad3d(p)),
            Padding("ZeroPad1d", p => new ZeroPad1d(p)),
            Padding("ZeroPad2d", p => new ZeroPad2d(p)),
            Padding("ZeroPad3d", p => new ZeroPad3d(p)),
            new(
                "BatchNorm1d",
                BatchStatistics,
                a => Normalised(a, (n, e, m, w, t, d) => new BatchNorm1d(n, e, m, w, t, d))
            ),
            new(
                "BatchNorm2d",
                BatchStatistics,
                a => Normalised(a, (n, e, m, w, t, d) => new BatchNorm2d(n, e, m, w, t, d))
            ),
            new(
                "InstanceNorm1d",
                InstanceStatistics,
                a => Normalised(a, (n, e, m, w, t, d) => new InstanceNorm1d(n, e, m, w, t, d))
            ),
            new(
                "InstanceNorm2d",
                InstanceStatistics,
                a => Normalised(a, (n, e, m, w, t, d) => new InstanceNorm2d(n, e, m, w, t, d))
            ),
            Convolution(
                "Conv1d",
                1,
                (i, o, k, s, p, d, g, b, m, t) => new Conv1d(i, o, k[0], s[0], p[0], d[0], g, b, m, t)
            ),
            Convolution("Conv2d", 2, (i, o, k, s, p, d, g, b, m, t) => new Conv2d(i, o, k, s, p, d, g, b, m, t)),
            Convolution("Conv3d", 3, (i, o, k, s, p, d, g, b, m, t) => new Conv3d(i, o, k, s, p, d, g, b, m, t)),
            Transposed(
                "ConvTranspose1d",
                1,
                (i, o, k, s, p, e, g, b, d, t) => new ConvTranspose1d(i, o, k[0], s[0], p[0], e[0], g, b, d[0], t)
            ),
            Transposed(
                "ConvTranspose2d",
                2,
                (i, o, k, s, p, e, g, b, d, t) => new ConvTranspose2d(i, o, k, s, p, e, g, b, d, t)
            ),
            Transposed(
                "ConvTranspose3d",
                3,
                (i, o, k, s, p, e, g, b, d, t) => new ConvTranspose3d(i, o, k, s, p, e, g, b, d, t)
            ),
            new("Dropout", "p: float = 0.5", a => new Dropout(a.Float("p"))),
            new("ELU", "alpha: float = 1", a => new Elu(a.Float("alpha"))),
            new(
                "Embedding",
                "num_embeddings: int, embedding_dim: int, padding_idx: int = -1, dtype: dtype = f32",
                a => new Embedding(a.Int("num_embeddings"), a.Int("embedding_dim"), a.Int("padding_idx"), a.DType)
            ),
            new("Flatten", "start_dim: int = 1", a => new Flatten((int)a.Int("start_dim"))),
            new("GELU", "approximate: none|tanh = none", a => new Gelu((GeluApproximation)a.Int("approximate"))),
            new(
                "GroupNorm",
                "num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = true, dtype: dtype = f32",
                a => new GroupNorm(
                    a.Int("num_groups"),
                    a.Int("num_channels"),
                    a.Float("eps"),
                    a.Bool("affine"),
                    a.DType
                )
            ),
            new(
                "Hardtanh",
                "min_val: float = -1, max_val: float = 1",
                a => new Hardtanh(a.Float("min_val"), a.Float("max_val"))
            ),
            new("Identity", "", _ => new Identity()),
            new(
                "LayerNorm",
                "normalized_shape: ints, eps: float = 1e-5, elementwise_affine: bool = true, dtype: dtype = f32",
                a => new LayerNorm(
                    new Shape(a.Ints("normalized_shape")),
                    a.Float("eps"),
                    a.Bool("elementwise_affine"),
                    a.DType
                )
            ),
            new("LeakyReLU", "negative_slope: float = 0.01", a => new LeakyRelu(a.Float("negative_slope"))),
            new(
                "Linear",
                "in_features: int, out_features: int, bias: bool = true, dtype: dtype = f32",
                a => new Linear(a.Int("in_features"), a.Int("out_features"), a.Bool("bias"), a.DType)
            ),
            new("Mish", "", _ => new Mish()),
            new(
                "PReLU",
                "num_parameters: int = 1, init: float = 0.25, dtype: dtype = f32",
                a => new PRelu(a.Int("num_parameters"), a.Float("init"), a.DType)
            ),
            new("ReLU", "", _ => new Relu()),
            new("ReLU6", "", _ => new Relu6()),
            new(
                "RMSNorm",
                "normalized_shape: ints, eps: float = 1e-5, elementwise_affine: bool = true, dtype: dtype = f32",
                a => new RmsNorm(
                    new Shape(a.Ints("normalized_shape")),
                    a.Float("eps"),
                    a.Bool("elementwise_affine"),
                    a.DType
                )
            ),
            new(
                "RReLU",
                "lower: float = 0.125, upper: float = 0.3333333333333333",
                a => new RRelu(a.Float("lower"), a.Float("upper"))
            ),
            new("SELU", "", _ => new Selu()),
            new("SiLU", "", _ => new Silu()),
            new("Sigmoid", "", _ => new Sigmoid()),
            new(
                "Softplus",
                "beta: float = 1, threshold: float = 20",
                a => new Softplus(a.Float("beta"), a.Float("threshold"))
            ),
            new("Tanh", "", _ => new Tanh()),
            new(
                "Unflatten",
                "dim: int, unflattened_size: ints",
                a => new Unflatten((int)a.Int("dim"), new Shape(a.Ints("unflattened_size")))
            ),
        }.OrderBy(module => module.Name, StringComparer.Ordinal),
    ];

    /// <summary>The module of a name.</summary>
    /// <exception cref="AttributeException">There is none; the message has the nearest names.</exception>
    public static RegisteredModule Find(string name) =>
        All.FirstOrDefault(module => module.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new AttributeException(
            $"there is no module '{name}'; {Suggestions.For(name, All.Select(module => module.Name))}"
                + "`cudanet module --list` names them all"
        );

    private static Module<Tensor, Tensor> Normalised(
        ModuleArguments arguments,
        Func<long, double, double, bool, bool, DType, Module<Tensor, Tensor>> create
    ) =>
        create(
            arguments.Int("num_features"),
            arguments.Float("eps"),
            arguments.Float("momentum"),
            arguments.Bool("affine"),
            arguments.Bool("track_running_stats"),
            arguments.DType
        );

    private static RegisteredModule Convolution(
        string name,
        int axes,
        Func<long, long, long[], long[], long[], long[], long, bool, PadMode, DType, Module<Tensor, Tensor>> create
    ) =>
        new(
            name,
            "in_channels: int, out_channels: int, kernel_size: ints, stride: ints = 1, padding: ints = 0, dilation: ints = 1, "
                + "groups: int = 1, bias: bool = true, padding_mode: zeros|reflect|replicate|circular = zeros, dtype: dtype = f32",
            a =>
                create(
                    a.Int("in_channels"),
                    a.Int("out_channels"),
                    Sides(a, axes),
                    a.Ints("stride"),
                    a.Ints("padding"),
                    a.Ints("dilation"),
                    a.Int("groups"),
                    a.Bool("bias"),
                    (PadMode)a.Int("padding_mode"),
                    a.DType
                )
        );

    private static RegisteredModule Transposed(
        string name,
        int axes,
        Func<long, long, long[], long[], long[], long[], long, bool, long[], DType, Module<Tensor, Tensor>> create
    ) =>
        new(
            name,
            "in_channels: int, out_channels: int, kernel_size: ints, stride: ints = 1, padding: ints = 0, output_padding: ints = 0, "
                + "groups: int = 1, bias: bool = true, dilation: ints = 1, dtype: dtype = f32",
            a =>
                create(
                    a.Int("in_channels"),
                    a.Int("out_channels"),
                    Sides(a, axes),
                    a.Ints("stride"),
                    a.Ints("padding"),
                    a.Ints("output_padding"),
                    a.Int("groups"),
                    a.Bool("bias"),
                    a.Ints("dilation"),
                    a.DType
                )
        );

    private static RegisteredModule MaximumPooling(
        string name,
        Func<long[], long[]?, long[], long[], bool, Module<Tensor, Tensor>> create
    ) =>
        new(
            name,
            $"{Windows}, dilation: ints = 1, ceil_mode: bool = false",
            a =>
                create(
                    a.Ints("kernel_size"),
                    a.IntsOrNull("stride"),
                    a.Ints("padding"),
                    a.Ints("dilation"),
                    a.Bool("ceil_mode")
                )
        );

    private static RegisteredModule AveragePooling(
        string name,
        Func<long[], long[]?, long[], bool, bool, Module<Tensor, Tensor>> create
    ) =>
        new(
            name,
            $"{Windows}, ceil_mode: bool = false, count_include_pad: bool = true",
            a =>
                create(
                    a.Ints("kernel_size"),
                    a.IntsOrNull("stride"),
                    a.Ints("padding"),
                    a.Bool("ceil_mode"),
                    a.Bool("count_include_pad")
                )
        );

    private static RegisteredModule Padding(string name, Func<long[], Module<Tensor, Tensor>> create) =>
        new(name, "padding: ints", a => create(a.Ints("padding")));

    /// <summary>One number stands for a kernel with equal sides.</summary>
    private static long[] Sides(ModuleArguments arguments, int axes) =>
        arguments.Ints("kernel_size") is [var side]
            ? [.. Enumerable.Repeat(side, axes)]
            : arguments.Ints("kernel_size");
}
