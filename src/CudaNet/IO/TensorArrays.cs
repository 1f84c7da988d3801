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
            CheckSame(array.Name, new Shape(array.Shape), array.Type, tensor);
            HostData.FromBytes(tensor, array.Bytes);
            tensor.Storage.MarkWritten("copy from file");
        }
    }

    extension(SafetensorsMap file)
    {
        /// <summary>A tensor with an array's values, copied straight from the mapped file.</summary>
        /// <param name="name">The array.</param>
        /// <param name="device">Where; null for the default device.</param>
        /// <exception cref="KeyNotFoundException">There is no array of this name.</exception>
        public Tensor ToTensor(string name, Device? device = null)
        {
            var entry = file[name];
            var tensor = Tensor.Empty(new Shape(entry.Shape), entry.Type, device);
            file.Load(name, tensor);
            return tensor;
        }

        /// <summary>Overwrites the tensor with an array's values, keeping its storage.</summary>
        /// <param name="name">The array.</param>
        /// <param name="tensor">Contiguous, of the array's shape and dtype.</param>
        /// <exception cref="KeyNotFoundException">There is no array of this name.</exception>
        /// <exception cref="ShapeException">Shape or dtype differ.</exception>
        public void CopyTo(string name, Tensor tensor)
        {
            var entry = file[name];
            CheckSame(name, new Shape(entry.Shape), entry.Type, tensor);
            file.Load(name, tensor);
            tensor.Storage.MarkWritten("copy from file");
        }

        private void Load(string name, Tensor tensor) =>
            file.Use(
                name,
                bytes =>
                {
                    HostData.FromBytes(tensor, bytes);
                    return true;
                }
            );
    }

    private static void CheckSame(string name, Shape shape, DType type, Tensor tensor)
    {
        if (!shape.Equals(tensor.Shape) || type != tensor.DType)
            throw new ShapeException($"'{name}' is {shape} {type.Name}; expected {tensor.Shape} {tensor.DType.Name}");
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
