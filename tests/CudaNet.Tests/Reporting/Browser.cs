using System.Diagnostics;
using System.Text.RegularExpressions;

namespace CudaNet.Tests.Reporting;

/// <summary>Chromium without a window and without a network.</summary>
internal static class Browser
{
    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    /// <summary>The page's elements after it was laid out, and what the console said.</summary>
    public static (string Dom, IReadOnlyList<string> Console) Load(string file)
    {
        var (output, error) = Run("--dump-dom", Address(file));
        return (output, [.. Regex.Matches(error, @":CONSOLE[:(].*").Select(match => match.Value)]);
    }

    /// <summary>Draws the page into a PNG file.</summary>
    public static void Draw(string file, string picture, int width, int height, bool isDark) =>
        Run(
            $"--screenshot={picture}",
            $"--window-size={width},{height}",
            // 0 is dark, 1 is light: blink's PreferredColorScheme.
            $"--blink-settings=preferredColorScheme={(isDark ? 0 : 1)}",
            Address(file)
        );

    private static string Address(string file) => new Uri(file).AbsoluteUri;

    private static (string Output, string Error) Run(params string[] arguments)
    {
        var profile = Directory.CreateTempSubdirectory("cudanet-browser-");
        try
        {
            string[] always =
            [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--force-device-scale-factor=1",
                "--enable-logging=stderr",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                $"--user-data-dir={profile.FullName}",
            ];
            using var process = Process.Start(
                new ProcessStartInfo(Find(), [.. always, .. arguments])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                }
            )!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                Assert.Fail($"the browser did not end within {s_limit}");
            }
            Assert.That(process.ExitCode, Is.Zero, error.Result);
            return (output.Result, error.Result);
        }
        finally
        {
            profile.Delete(recursive: true);
        }
    }

    private static string Find()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        var found = s_names
            .SelectMany(name => folders.Where(folder => folder.Length > 0).Select(folder => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
        return found
            ?? throw new FileNotFoundException(
                $"none of {string.Join(", ", s_names)} is on the PATH; ./build.sh --target=Verify installs chromium"
            );
    }
}
