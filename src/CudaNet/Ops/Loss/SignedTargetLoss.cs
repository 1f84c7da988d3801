namespace CudaNet;

/// <summary>Losses whose targets are 1 and −1.</summary>
internal abstract class SignedTargetLossOp(string name, string inputs, string attributes = "")
    : ElementwiseLossOp(name, inputs, attributes)
{
    protected override CaseInput[] Inputs(long[] shape) =>
        [
            .. Signature.Inputs.Select(input =>
                input.Name == "target"
                    ? Draw.Normal(shape) with
                    {
                        Map = (_, value) => value < 0 ? -1 : 1,
                        Differentiate = false,
                    }
                    : Draw.Normal(shape)
            ),
        ];
}
