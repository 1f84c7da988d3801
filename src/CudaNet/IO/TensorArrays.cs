namespace CudaNet.IO;

/// <summary>Between tensors and the arrays that files hold.</summary>
public static class TensorArrays
{
    extension(Tensor tensor)
    {
        /// <summary>A host copy under a name; waits for the device.</summary>
        public NamedArray ToNamedArray(string name) =>
            new(name, tensor.DType, tensor.Shape.Dims.ToArray(), HostData.ToBytes(tensor));

        /// <summary>Overwrites the tensor with a stored array, keeping its storage.</summary>
        /// <exception cref="ShapeException">Shape or dtype differ.</exception>
        public void CopyFrom(NamedArray array)
        {
            var shape = new Shape(array.Shape);
            if (!shape.Equals(tensor.Shape) || array.Type != tensor.DType)
                throw new ShapeException(
                    $"'{array.Name}' is {shape} {(array.Type).Name}; expected {tensor.Shape} {tensor.DType.Name}"
                );
            HostData.FromBytes(tensor, array.Bytes);
            tensor.Storage.MarkWritten("copy from file");
        }
    }

    extension(NamedArray array)
    {
        /// <summary>Whether the array has the tensor's shape and dtype.</summary>
        internal bool IsOf(Tensor tensor) => array.Type == tensor.DType && tensor.Shape.Dims.SequenceEqual(array.Shape);

        /// <summary>A tensor with the array's values, shape and dtype.</summary>
        public Tensor ToTensor(Device? device = null)
        {
            var tensor = Tensor.Empty(new Shape(array.Shape), array.Type, device);
            HostData.FromBytes(tensor, array.Bytes);
            return tensor;
        }
    }
}
