namespace CudaNet.Models;

/// <summary>The part of a picture that is drawn on.</summary>
internal sealed class InkBox
{
    // The digit's longer side, of the 28 pixels of an image of MNIST.
    private const double DigitSize = 20;

    // Of the darkest ink: paler marks are paper, shadows and compression.
    private const double PalestInk = 0.25;
    private const double LeastContrast = 24;

    private readonly double[] _ink;
    private readonly int _width;
    private readonly int _height;
    private int _left = int.MaxValue;
    private int _top = int.MaxValue;
    private int _right = -1;
    private int _bottom = -1;
    private double _centreX;
    private double _centreY;

    private InkBox(byte[] ink, int width, int height, double paper, double darkest)
    {
        (_width, _height) = (width, height);
        _ink =
        [
            .. ink.Select(value => Math.Max(0, (value - paper) / (darkest - paper)))
                .Select(value => value < PalestInk ? 0 : value),
        ];
        double mass = 0;
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
        {
            var value = _ink[y * width + x];
            if (value == 0)
                continue;
            (_left, _right) = (Math.Min(_left, x), Math.Max(_right, x + 1));
            (_top, _bottom) = (Math.Min(_top, y), Math.Max(_bottom, y + 1));
            mass += value;
            _centreX += value * (x + 0.5);
            _centreY += value * (y + 0.5);
        }
        (_centreX, _centreY) = (_centreX / mass, _centreY / mass);
    }

    /// <summary>The middle one of the brightnesses along the edge, which is rarely drawn on.</summary>
    public static int Paper(byte[] ink, int width, int height)
    {
        var edge = Enumerable
            .Range(0, width)
            .SelectMany(x => new[] { ink[x], ink[(height - 1) * width + x] })
            .Concat(Enumerable.Range(0, height).SelectMany(y => new[] { ink[y * width], ink[y * width + width - 1] }))
            .Order()
            .ToList();
        return edge[edge.Count / 2];
    }

    /// <summary>Where the picture is drawn on; null when it is nowhere.</summary>
    public static InkBox? Of(byte[] ink, int width, int height)
    {
        var (paper, darkest) = (Paper(ink, width, height), ink.Max());
        return darkest - paper < LeastContrast ? null : new InkBox(ink, width, height, paper, darkest);
    }

    /// <summary>28 × 28 bytes: the digit scaled to fit 20 × 20, its centre of mass in the middle.</summary>
    public byte[] Centred()
    {
        var scale = Math.Max(_right - _left, _bottom - _top) / DigitSize;
        var (x0, y0) = (_centreX - scale * DigitTraining.Width / 2, _centreY - scale * DigitTraining.Height / 2);
        var values = new double[DigitTraining.Pixels];
        for (var y = 0; y < DigitTraining.Height; y++)
        for (var x = 0; x < DigitTraining.Width; x++)
            values[y * DigitTraining.Width + x] = Mean(x0 + x * scale, y0 + y * scale, scale);
        var darkest = values.Max();
        return [.. values.Select(value => (byte)Math.Round(255 * value / darkest))];
    }

    /// <summary>The mean over a square, beyond the picture's edges paper.</summary>
    private double Mean(double left, double top, double size)
    {
        double sum = 0;
        for (var y = (int)Math.Max(0, Math.Floor(top)); y < Math.Min(_height, top + size); y++)
        {
            var high = Math.Min(y + 1, top + size) - Math.Max(y, top);
            for (var x = (int)Math.Max(0, Math.Floor(left)); x < Math.Min(_width, left + size); x++)
                sum += _ink[y * _width + x] * high * (Math.Min(x + 1, left + size) - Math.Max(x, left));
        }
        return sum / (size * size);
    }
}
