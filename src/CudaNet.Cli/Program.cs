using CudaNet.Cli;

return CommandLine.Run(args, CliConsole.OfProcess());
