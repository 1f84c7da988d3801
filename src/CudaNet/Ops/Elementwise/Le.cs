namespace CudaNet;

internal sealed class LeOp() : CompareOp("le")
{
    public static readonly LeOp Instance = new();

    internal override CpuKernel Cpu => CpuElementwise.Le;

    protected override bool Compare(double a, double b) => a <= b;
}

/// <summary>The comparison input ≤ other.</summary>
public static class LeExtensions
{
    extension(Tensor input)
    {
        /// <summary>input ≤ other as bool, broadcast. Shapes must broadcast by NumPy's rule and dtypes be equal.</summary>
        public Tensor Le(Tensor other) => LeOp.Instance.Apply([input, other]);

        /// <summary>input ≤ number as bool; the number is rounded to a floating dtype, and an integer dtype must hold it.</summary>
        public Tensor Le(double other) => LeOp.Instance.Apply([input, input.Number(other, "le")]);
    }
}
