namespace CudaNet.Data;

/// <summary>
/// Changes of brightness and colour by a given amount, as the Python Imaging Library defines them (ImageOps and ImageEnhance); with factor 1 the enhancements change nothing.
/// </summary>
internal static class PixelOperations
{
    private const int Levels = 256;

    public static void Brightness(ImageCanvas image, float factor)
    {
        foreach (ref var pixel in image.Pixels)
            pixel = Math.Clamp(pixel * factor, 0, 1);
    }

    /// <summary>Away from, or towards, the image's mean grey.</summary>
    public static void Contrast(ImageCanvas image, float factor)
    {
        var sum = 0.0;
        for (var i = 0; i < image.Height * image.Width; i++)
            sum += Grey(image, i);
        var mean = (float)(sum / (image.Height * image.Width));
        foreach (ref var pixel in image.Pixels)
            pixel = Blend(mean, pixel, factor);
    }

    /// <summary>Towards greyscale; images of one channel stay as they are.</summary>
    public static void Colour(ImageCanvas image, float factor)
    {
        if (image.Channels != 3)
            return;
        for (var i = 0; i < image.Height * image.Width; i++)
        {
            var grey = Grey(image, i);
            for (var channel = 0; channel < 3; channel++)
                image.Plane(channel)[i] = Blend(grey, image.Plane(channel)[i], factor);
        }
    }

    /// <summary>Away from, or towards, the mean of each pixel (weight 5) and its eight neighbours; the outermost pixels stay.</summary>
    public static void Sharpness(ImageCanvas image, float factor)
    {
        var (height, width) = (image.Height, image.Width);
        image.Pixels.CopyTo(image.Spare);
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var old = image.Plane(channel);
            var target = image.Spare.Slice(channel * height * width, height * width);
            for (var y = 1; y < height - 1; y++)
            for (var x = 1; x < width - 1; x++)
            {
                var sum = 4 * old[y * width + x];
                for (var near = 0; near < 9; near++)
                    sum += old[(y + near / 3 - 1) * width + x + near % 3 - 1];
                target[y * width + x] = Blend(sum / 13, old[y * width + x], factor);
            }
        }
        image.Swap();
    }

    /// <summary>Stretches each channel so that its darkest pixel is 0 and its brightest 1; a channel of one value stays.</summary>
    public static void AutoContrast(ImageCanvas image)
    {
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var plane = image.Plane(channel);
            var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
            foreach (var pixel in plane)
                (low, high) = (Math.Min(low, pixel), Math.Max(high, pixel));
            if (high <= low)
                continue;
            foreach (ref var pixel in plane)
                pixel = (pixel - low) / (high - low);
        }
    }

    /// <summary>Makes the histogram of each channel as even as its 256 levels allow.</summary>
    public static void Equalize(ImageCanvas image)
    {
        Span<int> counts = stackalloc int[Levels];
        Span<float> levels = stackalloc float[Levels];
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var plane = image.Plane(channel);
            counts.Clear();
            foreach (var pixel in plane)
                counts[Level(pixel)]++;
            var last = counts.LastIndexOfAnyExcept(0);
            var step = (plane.Length - counts[last]) / (Levels - 1);
            if (step == 0)
                continue;
            var below = step / 2;
            for (var level = 0; level < Levels; level++)
            {
                levels[level] = Math.Min(below / step, Levels - 1) / (float)(Levels - 1);
                below += counts[level];
            }
            foreach (ref var pixel in plane)
                pixel = levels[Level(pixel)];
        }
    }

    /// <summary>Keeps the upper bits of each of the 256 levels.</summary>
    public static void Posterize(ImageCanvas image, int bits)
    {
        var mask = 0xFF & ~(0xFF >> bits);
        foreach (ref var pixel in image.Pixels)
            pixel = (Level(pixel) & mask) / (float)(Levels - 1);
    }

    /// <summary>Inverts what is at least as bright as a threshold.</summary>
    public static void Solarize(ImageCanvas image, float threshold)
    {
        foreach (ref var pixel in image.Pixels)
            pixel = pixel < threshold ? pixel : 1 - pixel;
    }

    private static int Level(float pixel) => (int)(Math.Clamp(pixel, 0, 1) * (Levels - 1) + 0.5f);

    private static float Blend(float other, float pixel, float factor) =>
        factor == 1 ? pixel : Math.Clamp(other + (pixel - other) * factor, 0, 1);

    // ITU-R BT.601, as the Python Imaging Library converts.
    private static float Grey(ImageCanvas image, int i) =>
        image.Channels == 3
            ? 0.299f * image.Plane(0)[i] + 0.587f * image.Plane(1)[i] + 0.114f * image.Plane(2)[i]
            : image.Plane(0)[i];
}
