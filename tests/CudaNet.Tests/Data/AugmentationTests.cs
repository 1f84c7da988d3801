using CudaNet.Data;
using CudaNet.IO;
using CudaNet.Random;
using CudaNet.Tests.IO;

namespace CudaNet.Tests.Data;

[TestFixture]
public sealed class AugmentationTests
{
    private static readonly (string Name, IAugmentation Step)[] s_identities =
    [
        ("flip", new HorizontalFlip(0)),
        ("vertical flip", new VerticalFlip(0)),
        ("crop", new RandomCrop(0)),
        ("reflecting crop", new RandomCrop(0, Beyond.Reflect)),
        ("affine", new RandomAffine()),
        ("lens", new LensDistortion(0)),
        ("blur", new GaussianBlur(0, 0)),
        ("salt and pepper", new SaltAndPepper(0)),
        ("channel drop", new ChannelDrop(0)),
        ("erasing", new RandomErasing(Probability: 0)),
        ("cutout", new Cutout(0, 0)),
        ("rand augment", new RandAugment(0, 0)),
        ("chain", Augmentation.Chain()),
    ];

    private static readonly (string Name, IAugmentation Step)[] s_steps =
    [
        ("flip", new HorizontalFlip()),
        ("vertical flip", new VerticalFlip()),
        ("crop", new RandomCrop(3)),
        ("reflecting crop", new RandomCrop(3, Beyond.Reflect)),
        ("rotate", new RandomAffine(Degrees: 30)),
        ("translate", new RandomAffine(Translate: 0.2)),
        ("scale", new RandomAffine(ScaleLow: 0.7, ScaleHigh: 1.4)),
        ("shear", new RandomAffine(ShearX: 0.3, ShearY: 0.3)),
        ("lens", new LensDistortion()),
        ("blur", new GaussianBlur(0.5, 2)),
        ("salt and pepper", new SaltAndPepper(0.05)),
        ("channel drop", new ChannelDrop(1)),
        ("erasing", new RandomErasing(1)),
        ("cutout", new Cutout()),
        ("rand augment", new RandAugment()),
    ];

    public static IEnumerable<string> Identities => s_identities.Select(pair => pair.Name);

    public static IEnumerable<string> Steps => s_steps.Select(pair => pair.Name);

    [TestCaseSource(nameof(Identities))]
    public void With_the_parameters_of_identity_nothing_changes(string name)
    {
        foreach (var (channels, height, width) in new[] { (3, 7, 8), (1, 28, 28), (1, 1, 1) })
        {
            var image = Picture(channels, height, width);
            var before = image.Pixels.ToArray();
            Apply(s_identities.Single(pair => pair.Name == name).Step, image, 1);
            Assert.That(image.Pixels.ToArray(), Is.EqualTo(before), $"{channels} × {height} × {width}");
        }
    }

    [TestCaseSource(nameof(Steps))]
    public void The_same_image_in_the_same_epoch_changes_in_the_same_way(string name)
    {
        var step = s_steps.Single(pair => pair.Name == name).Step;
        var results = new List<float[]>();
        foreach (var item in new[] { 0L, 0, 1, 2, 3, 4, 5, 6, 7, 8 })
        {
            var image = Picture(3, 12, 11);
            Apply(step, image, item);
            Assert.That(image.Pixels.ToArray(), Is.All.InRange(0f, 1f));
            results.Add(image.Pixels.ToArray());
        }
        Assert.That(results[1], Is.EqualTo(results[0]));
        Assert.That(results.Skip(1).Count(result => !result.SequenceEqual(results[0])), Is.GreaterThan(0));
    }

    [Test]
    public void Streams_differ_by_seed_epoch_and_image()
    {
        var first = new HashSet<uint>();
        foreach (var seed in new ulong[] { 0, 1 })
        foreach (var epoch in new long[] { 0, 1 })
        foreach (var item in new long[] { 0, 1, 2 })
            first.Add(Augmentation.StreamOf(seed, epoch, item).NextUInt());
        Assert.That(first, Has.Count.EqualTo(12));
    }

    [Test]
    public void Flips_mirror_and_happen_half_of_the_time()
    {
        var image = Row(1, 2, 3);
        Apply(new HorizontalFlip(1), image, 0);
        Assert.That(image.Pixels.ToArray(), Is.EqualTo(new[] { 0.3f, 0.2f, 0.1f }));
        var column = new ImageCanvas(2, 2, 1);
        new[] { 0.1f, 0.2f, 0.3f, 0.4f }.CopyTo(column.Pixels);
        Apply(new VerticalFlip(1), column, 0);
        Assert.That(column.Pixels.ToArray(), Is.EqualTo(new[] { 0.2f, 0.1f, 0.4f, 0.3f }));
        var flipped = Count(2000, item => After(new HorizontalFlip(), Row(1, 2, 3), item)[0] > 0.2f);
        Assert.That(flipped, Is.EqualTo(1000).Within(5 * 22.4), "five deviations of a binomial");
    }

    [Test]
    public void Crops_move_by_each_distance_equally_often()
    {
        var counts = new int[5];
        for (var item = 0; item < 5000; item++)
        {
            var image = new ImageCanvas(1, 1, 9);
            image.Pixels[4] = 1;
            Apply(new RandomCrop(2), image, item);
            var place = image.Pixels.IndexOf(1f);
            // Vertical moves take the only row out of sight.
            if (place >= 0)
                counts[place - 2]++;
        }
        Assert.That(counts, Is.All.EqualTo(200).Within(5 * 14));
        var reflected = After(new RandomCrop(2, Beyond.Reflect), Picture(1, 5, 5), 3);
        Assert.That(reflected, Is.All.GreaterThan(0), "there is no black border");
    }

    [Test]
    public void Quarter_turns_move_every_pixel_to_its_place()
    {
        var image = Picture(1, 3, 3);
        var before = image.Pixels.ToArray();
        RandomAffine.Move(image, 90, 1, 0, 0, 0, 0, 0);
        int[] places = [6, 3, 0, 7, 4, 1, 8, 5, 2];
        Assert.That(image.Pixels.ToArray(), Is.EqualTo(places.Select(place => before[place])).Within(1e-6));
    }

    [Test]
    public void Moves_shears_and_scales_do_what_they_say()
    {
        var moved = Row(1, 2, 3);
        RandomAffine.Move(moved, 0, 1, 0, 0, 1, 0, 0);
        Assert.That(moved.Pixels.ToArray(), Is.EqualTo(new[] { 0, 0.1f, 0.2f }).Within(1e-6));

        var half = Row(1, 2, 3);
        RandomAffine.Move(half, 0, 1, 0, 0, 0.5, 0, 0);
        Assert.That(half.Pixels.ToArray(), Is.EqualTo(new[] { 0.05f, 0.15f, 0.25f }).Within(1e-6));

        // A column sheared by one pixel per row is a diagonal.
        var sheared = new ImageCanvas(1, 3, 3);
        foreach (var place in new[] { 1, 4, 7 })
            sheared.Pixels[place] = 1;
        RandomAffine.Move(sheared, 0, 1, 1, 0, 0, 0, 0);
        Assert.That(sheared.Pixels.ToArray(), Is.EqualTo(new float[] { 1, 0, 0, 0, 1, 0, 0, 0, 1 }).Within(1e-6));

        var scaled = new ImageCanvas(1, 1, 5);
        scaled.Pixels[1] = scaled.Pixels[3] = 1;
        RandomAffine.Move(scaled, 0, 2, 0, 0, 0, 0, 0);
        Assert.That(scaled.Pixels.ToArray(), Is.EqualTo(new float[] { 1, 0.5f, 0, 0.5f, 1 }).Within(1e-6));
    }

    [Test]
    public void Lenses_leave_the_middle_and_move_the_corners()
    {
        var image = Picture(1, 9, 9);
        var middle = image.Pixels[40];
        Resampling.Apply(image, new RadialMapping(0.3, Math.Sqrt(32)), 0.5f);
        Assert.That(image.Pixels[40], Is.EqualTo(middle));
        Assert.That(image.Pixels[0], Is.EqualTo(0.5f), "a corner comes from outside by 30 % of its distance");
    }

    [Test]
    public void Blurring_keeps_the_mean_and_spreads_a_point_by_its_deviation()
    {
        var image = new ImageCanvas(1, 41, 41);
        image.Pixels[20 * 41 + 20] = 1;
        Apply(new GaussianBlur(2, 2), image, 0);
        double sum = 0;
        double square = 0;
        for (var i = 0; i < 41 * 41; i++)
        {
            sum += image.Pixels[i];
            square += image.Pixels[i] * Math.Pow(i % 41 - 20, 2);
        }
        Assert.That(sum, Is.EqualTo(1).Within(1e-5));
        // What lies beyond three deviations is cut off.
        Assert.That(square, Is.EqualTo(4).Within(0.15));
    }

    [Test]
    public void Salt_and_pepper_have_their_shares()
    {
        var image = new ImageCanvas(2, 100, 100);
        image.Pixels.Fill(0.5f);
        Apply(new SaltAndPepper(0.1), image, 0);
        var (salt, pepper) = (image.Plane(0).Count(1f), image.Plane(0).Count(0f));
        Assert.That(salt, Is.EqualTo(500).Within(5 * 22));
        Assert.That(pepper, Is.EqualTo(500).Within(5 * 22));
        Assert.That(image.Plane(1).ToArray(), Is.EqualTo(image.Plane(0).ToArray()), "a pixel is hit in all channels");
    }

    [Test]
    public void Channels_are_dropped_equally_often_and_never_the_only_one()
    {
        var counts = new int[3];
        for (var item = 0; item < 3000; item++)
        {
            var image = new ImageCanvas(3, 1, 1);
            image.Pixels.Fill(1);
            Apply(new ChannelDrop(1), image, item);
            counts[image.Pixels.IndexOf(0f)]++;
        }
        Assert.That(counts, Is.All.EqualTo(1000).Within(5 * 26));
        Assert.That(After(new ChannelDrop(1), Row(1, 2, 3), 0), Is.EqualTo(new[] { 0.1f, 0.2f, 0.3f }));
    }

    [Test]
    public void Erased_rectangles_have_the_areas_that_were_asked_for()
    {
        for (var item = 0; item < 200; item++)
        {
            var image = new ImageCanvas(1, 40, 40);
            image.Pixels.Fill(1);
            Apply(new RandomErasing(1, 0.1, 0.2), image, item);
            // Sides are rounded to pixels.
            Assert.That(image.Pixels.Count(0f) / 1600.0, Is.InRange(0.09, 0.22));
        }
    }

    [Test]
    public void Cutouts_are_squares_clipped_at_the_border()
    {
        var clipped = 0;
        for (var item = 0; item < 200; item++)
        {
            var image = new ImageCanvas(1, 20, 20);
            Apply(new Cutout(0.5, 0.5, 1), image, item);
            var area = image.Pixels.Count(1f);
            Assert.That(area, Is.InRange(25, 100));
            clipped += area < 100 ? 1 : 0;
        }
        Assert.That(clipped, Is.InRange(100, 190));
    }

    [Test]
    public void Enhancements_with_factor_one_change_nothing()
    {
        Unchanged(image => PixelOperations.Brightness(image, 1));
        Unchanged(image => PixelOperations.Contrast(image, 1));
        Unchanged(image => PixelOperations.Colour(image, 1));
        Unchanged(image => PixelOperations.Sharpness(image, 1));
        Unchanged(image => PixelOperations.Posterize(image, 8));
        Unchanged(image => PixelOperations.Solarize(image, 2));

        static void Unchanged(Action<ImageCanvas> step)
        {
            var image = Picture(3, 5, 6);
            var before = image.Pixels.ToArray();
            step(image);
            Assert.That(image.Pixels.ToArray(), Is.EqualTo(before));
        }
    }

    // The definitions of ImageOps and ImageEnhance in the Python Imaging Library, worked out by hand for the bytes 10, 60, 110, 200.
    [Test]
    public void Pixels_change_as_the_Python_Imaging_Library_defines()
    {
        Is255(image => PixelOperations.AutoContrast(image), [0, 67, 134, 255]);
        Is255(image => PixelOperations.Posterize(image, 4), [0, 48, 96, 192]);
        Is255(image => PixelOperations.Solarize(image, 100 / 255f), [10, 60, 145, 55]);
        Is255(image => PixelOperations.Brightness(image, 0.5f), [5, 30, 55, 100]);
        Is255(image => PixelOperations.Contrast(image, 0.5f), [52, 77, 102, 147]);

        static void Is255(Action<ImageCanvas> step, int[] expected)
        {
            var image = new ImageCanvas(1, 2, 2);
            new[] { 10 / 255f, 60 / 255f, 110 / 255f, 200 / 255f }.CopyTo(image.Pixels);
            step(image);
            Assert.That(
                image.Pixels.ToArray().Select(pixel => 255 * pixel),
                Is.EqualTo(expected.Select(level => (float)level)).Within(0.8)
            );
        }
    }

    [Test]
    public void Equalizing_spreads_the_levels_evenly()
    {
        var image = new ImageCanvas(1, 64, 64);
        for (var i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = (float)Math.Pow(i / 4095.0, 4);
        PixelOperations.Equalize(image);
        var sorted = image.Pixels.ToArray().Order().ToArray();
        // Many of the darkest pixels share a level, so the lower end cannot be even.
        for (var i = 2048; i < 4096; i++)
            Assert.That(sorted[i], Is.EqualTo(i / 4095.0).Within(0.02), $"{i}");
    }

    [Test]
    public void Sharpness_zero_smooths_and_colour_zero_greys()
    {
        var image = new ImageCanvas(1, 3, 3);
        image.Pixels[4] = 1;
        PixelOperations.Sharpness(image, 0);
        Assert.That(image.Pixels[4], Is.EqualTo(5f / 13).Within(1e-6));
        Assert.That(image.Pixels[0], Is.Zero, "the outermost pixels stay");
        var red = new ImageCanvas(3, 1, 1);
        red.Pixels[0] = 1;
        PixelOperations.Colour(red, 0);
        Assert.That(red.Pixels.ToArray(), Is.All.EqualTo(0.299f).Within(1e-6));
    }

    [Test]
    public void Impossible_parameters_are_refused()
    {
        var image = Picture(1, 3, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => Apply(new HorizontalFlip(1.5), image, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Apply(new RandomCrop(3, Beyond.Reflect), image, 0));
        Assert.Throws<ArgumentException>(() => Apply(new RandomAffine(ScaleLow: 0), image, 0));
        Assert.Throws<ArgumentException>(() => Apply(new GaussianBlur(2, 1), image, 0));
        Assert.Throws<ArgumentException>(() => Apply(new RandomErasing(1, 0.5, 0.2), image, 0));
    }

    /// <summary>A sheet to look at: a digit and a drawing in colours, changed in each way, ten times each.</summary>
    [Test]
    [Explicit("makes a picture for people")]
    public void Sheet()
    {
        const int times = 10;
        var digits = DrawnDigits.Draw(3, times);
        var sheet = new List<byte>();
        foreach (var (_, step) in s_steps)
            for (var item = 0; item < times; item++)
            {
                var image = new ImageCanvas(3, 28, 28);
                for (var i = 0; i < 784; i++)
                {
                    var ink = digits.Images[item * 784 + i] / 255f;
                    image.Plane(0)[i] = ink;
                    image.Plane(1)[i] = item < times / 2 ? ink : i / 784f;
                    image.Plane(2)[i] = item < times / 2 ? ink : 1 - ink;
                }
                Apply(step, image, item);
                sheet.AddRange(ImageGrid.PlanesToPixels(ImageGrid.ToBytes(image.Pixels), 3, 784));
            }
        var path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "augmentations.png");
        ImageGrid.Tile(sheet.ToArray(), 28, 28, 3, times).Enlarge(2).WritePng(path);
        TestContext.Out.WriteLine(path);
    }

    private static ImageCanvas Picture(int channels, int height, int width)
    {
        var image = new ImageCanvas(channels, height, width);
        for (var i = 0; i < image.Pixels.Length; i++)
            image.Pixels[i] = (1 + i * 37 % 254) / 255f;
        return image;
    }

    private static ImageCanvas Row(params int[] tenths)
    {
        var image = new ImageCanvas(1, 1, tenths.Length);
        for (var i = 0; i < tenths.Length; i++)
            image.Pixels[i] = tenths[i] / 10f;
        return image;
    }

    private static void Apply(IAugmentation step, ImageCanvas image, long item)
    {
        var random = Augmentation.StreamOf(7, 2, item);
        step.Apply(image, ref random);
    }

    private static float[] After(IAugmentation step, ImageCanvas image, long item)
    {
        Apply(step, image, item);
        return image.Pixels.ToArray();
    }

    private static int Count(int items, Predicate<long> isSo)
    {
        var count = 0;
        for (var item = 0; item < items; item++)
            count += isSo(item) ? 1 : 0;
        return count;
    }
}
