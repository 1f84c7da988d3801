using CudaNet;

Console.WriteLine($"cudanet {EngineInfo.Version}");
return 0;
