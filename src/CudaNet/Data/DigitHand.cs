using CudaNet.Random;

namespace CudaNet.Data;

/// <summary>One item's handwriting: the pen, the placement on the 28 × 28 sheet, and the bending of the lines.</summary>
internal readonly ref struct DigitHand
{
    private const int Size = DrawnDigits.Width;
    private const int StepsPerSpan = 5;

    // Glyph coordinates to pixels.
    private readonly double _xx;
    private readonly double _xy;
    private readonly double _yx;
    private readonly double _yy;
    private readonly double _x0;
    private readonly double _y0;

    // Two bending waves per axis: amplitude, wave numbers, phase.
    private readonly Wave _bendX;
    private readonly Wave _bendY;

    private readonly double _penRadius;
    private readonly double _jitter;

    /// <summary>Chooses a hand.</summary>
    public DigitHand(ref PhiloxStream random)
    {
        // tan(angle / 2) gives an exact rotation without a library sine; 0.18 is about 20 degrees.
        double t = 0.18 * Signed(ref random);
        double cos = (1 - (t * t)) / (1 + (t * t));
        double sin = 2 * t / (1 + (t * t));
        double height = 19 + (2.5 * Signed(ref random));
        double width = height * (0.68 + (0.15 * Signed(ref random)));
        double shear = 0.28 * Signed(ref random);
        _xx = cos * width;
        _xy = ((cos * shear) - sin) * height;
        _yx = sin * width;
        _yy = ((sin * shear) + cos) * height;
        _x0 = 13.5 + (2.05 * Signed(ref random));
        _y0 = 13.5 + (2.05 * Signed(ref random));
        _bendX = new Wave(ref random);
        _bendY = new Wave(ref random);
        _penRadius = 1.1 + (0.9 * random.NextDouble());
        _jitter = 0.02 + (0.03 * random.NextDouble());
    }

    /// <summary>Draws a stroke, its control points moved at random.</summary>
    public void DrawStroke(ref PhiloxStream random, DigitGlyphs.Stroke stroke, Span<float> ink)
    {
        int count = stroke.X.Length;
        Span<double> xs = stackalloc double[DigitGlyphs.MaxPoints];
        Span<double> ys = stackalloc double[DigitGlyphs.MaxPoints];
        for (int i = 0; i < count; i++)
        {
            xs[i] = stroke.X[i] + (_jitter * Signed(ref random));
            ys[i] = stroke.Y[i] + (_jitter * Signed(ref random));
        }

        double radius = _penRadius * (0.9 + (0.2 * random.NextDouble()));
        (double px, double py) = Place(xs[0], ys[0]);
        for (int span = 0; span + 1 < count; span++)
        {
            for (int step = 1; step <= StepsPerSpan; step++)
            {
                double u = (double)step / StepsPerSpan;
                double x = Along(xs[..count], span, u, stroke.Smooth);
                double y = Along(ys[..count], span, u, stroke.Smooth);
                (double qx, double qy) = Place(x, y);
                DrawSegment(ink, (float)px, (float)py, (float)qx, (float)qy, (float)radius);
                (px, py) = (qx, qy);
            }
        }
    }

    /// <summary>Draws up to three short lines that belong to no digit.</summary>
    public void DrawStrayMarks(ref PhiloxStream random, Span<float> ink)
    {
        int marks = random.NextInt(4);
        for (int k = 0; k < marks; k++)
        {
            float x = Size * random.NextFloat();
            float y = Size * random.NextFloat();
            float dx = (float)(4 * Signed(ref random));
            float dy = (float)(4 * Signed(ref random));
            DrawSegment(ink, x, y, x + dx, y + dy, 0.4f + (0.7f * random.NextFloat()));
        }
    }

    // A point of a stroke, with u from 0 to 1 between control points span and span + 1.
    private static double Along(ReadOnlySpan<double> p, int span, double u, bool smooth)
    {
        double b = p[span];
        double c = p[span + 1];
        if (!smooth)
        {
            return b + (u * (c - b));
        }

        // Catmull–Rom; the end points count twice.
        double a = span > 0 ? p[span - 1] : b;
        double d = span + 2 < p.Length ? p[span + 2] : c;
        double cubic = (3 * (b - c)) + d - a;
        double quadratic = (2 * a) - (5 * b) + (4 * c) - d;
        return b + (0.5 * u * (c - a + (u * (quadratic + (u * cubic)))));
    }

    private (double X, double Y) Place(double x, double y)
    {
        double gx = x + _bendX.At(x, y) - 0.5;
        double gy = y + _bendY.At(x, y) - 0.5;
        return (_x0 + (_xx * gx) + (_xy * gy), _y0 + (_yx * gx) + (_yy * gy));
    }

    // Coverage falls from 1 to 0 over the pixel that the pen's edge crosses; overlapping ink does not add up.
    private static void DrawSegment(Span<float> ink, float ax, float ay, float bx, float by, float radius)
    {
        float reach = radius + 0.5f;
        int left = Math.Max(0, (int)MathF.Ceiling(Math.Min(ax, bx) - reach));
        int right = Math.Min(Size - 1, (int)MathF.Floor(Math.Max(ax, bx) + reach));
        int top = Math.Max(0, (int)MathF.Ceiling(Math.Min(ay, by) - reach));
        int bottom = Math.Min(Size - 1, (int)MathF.Floor(Math.Max(ay, by) + reach));
        float dx = bx - ax;
        float dy = by - ay;
        float length2 = (dx * dx) + (dy * dy);
        float inverse = length2 > 1e-12f ? 1f / length2 : 0f;
        for (int y = top; y <= bottom; y++)
        {
            for (int x = left; x <= right; x++)
            {
                float px = x - ax;
                float py = y - ay;
                float t = Math.Clamp(((px * dx) + (py * dy)) * inverse, 0f, 1f);
                float ex = px - (t * dx);
                float ey = py - (t * dy);
                float distance2 = (ex * ex) + (ey * ey);
                if (distance2 < reach * reach)
                {
                    float coverage = Math.Min(1f, reach - MathF.Sqrt(distance2));
                    ref float pixel = ref ink[(y * Size) + x];
                    pixel = Math.Max(pixel, coverage);
                }
            }
        }
    }

    // Uniform in [-1, 1).
    private static double Signed(ref PhiloxStream random) => (2 * random.NextDouble()) - 1;

    // A smooth displacement field over the glyph square.
    private readonly struct Wave(ref PhiloxStream random)
    {
        private readonly double _amplitude = 0.06 * random.NextDouble();
        private readonly double _alongX = 1.2 * Signed(ref random);
        private readonly double _alongY = 1.2 * Signed(ref random);
        private readonly double _phase = random.NextDouble();

        // Parabolic arches instead of a sine: as smooth as needed, and exactly reproducible.
        public double At(double x, double y)
        {
            double turns = (_alongX * x) + (_alongY * y) + _phase;
            double t = (2 * (turns - Math.Floor(turns))) - 1;
            return _amplitude * 4 * t * (1 - Math.Abs(t));
        }
    }
}
