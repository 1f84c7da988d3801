namespace CudaNet;

/// <summary>Space to depth and back on the CPU: the copy of a permuted view.</summary>
internal static class CpuSqueeze2d
{
    public static void Run(in OpCall call)
    {
        var (input, output, factor) = (call.Input(0), call.Output(0), call.Attributes.Int(0));
        if (output.NumElements == 0)
            return;
        var isSqueeze = ((Squeeze2dFamilyOp)call.Op).IsSqueeze;
        var (wide, order) = Squeeze2dFamilyOp.Axes(isSqueeze ? output.Shape : input.Shape, factor);
        if (wide.Length > Shape.MaxRank)
        {
            ReferenceRunner.Run(call);
            return;
        }
        var squeezed = Array.ConvertAll(order, axis => wide[axis]);
        var (from, to) = isSqueeze ? (wide, squeezed) : (squeezed, wide);
        var steps = new Shape(from).StrideArray;
        var strides = new long[to.Length];
        for (var axis = 0; axis < order.Length; axis++)
            if (isSqueeze)
                strides[axis] = steps[order[axis]];
            else
                strides[order[axis]] = steps[axis];
        var permuted = input.View(new Shape(to), strides, input.Offset);
        var target = output.View(new Shape(to), new Shape(to).StrideArray, output.Offset);
        CpuCopy.Run(permuted, target);
        permuted.Release();
        target.Release();
    }
}
