namespace CudaNet.Tests;

[TestFixture]
public sealed class EngineInfoTests
{
    [Test]
    public void VersionHasThreeParts() => Assert.That(EngineInfo.Version.Split('.'), Has.Length.EqualTo(3));
}
