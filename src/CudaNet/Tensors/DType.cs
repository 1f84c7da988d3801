using System.Collections.Frozen;

namespace CudaNet;

/// <summary>The element types of a tensor. The values are those of <c>CnDType</c> in cudanet.h.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32, <c>f32</c>.</summary>
    Float32 = 0,

    /// <summary>IEEE 754 binary64, <c>f64</c>.</summary>
    Float64 = 1,

    /// <summary>IEEE 754 binary16, <c>f16</c>.</summary>
    Float16 = 2,

    /// <summary>The upper half of a binary32, <c>bf16</c>.</summary>
    BFloat16 = 3,

    /// <summary>64-bit signed integer, <c>i64</c>.</summary>
    Int64 = 4,

    /// <summary>32-bit signed integer, <c>i32</c>.</summary>
    Int32 = 5,

    /// <summary>8-bit unsigned integer, <c>u8</c>.</summary>
    UInt8 = 6,

    /// <summary>One byte, 0 or 1, <c>bool</c>.</summary>
    Bool = 7,
}

/// <summary>Facts about the element types.</summary>
public static class DTypes
{
    private static readonly string[] Names = ["f32", "f64", "f16", "bf16", "i64", "i32", "u8", "bool"];

    private static readonly FrozenDictionary<string, DType> ByName = Enum.GetValues<DType>()
        .SelectMany(d => new[] { (Names[(int)d], d), (d.ToString().ToLowerInvariant(), d) })
        .DistinctBy(p => p.Item1)
        .ToFrozenDictionary(p => p.Item1, p => p.d);

    /// <summary>Every element type, in the order of its number.</summary>
    public static IReadOnlyList<DType> All { get; } = Enum.GetValues<DType>();

    /// <summary>Reads <c>f32</c>, <c>bf16</c>, <c>int64</c> and so on.</summary>
    /// <exception cref="FormatException">The text names no element type.</exception>
    public static DType Parse(string text) =>
        ByName.TryGetValue(text.ToLowerInvariant(), out var dtype)
            ? dtype
            : throw new FormatException($"'{text}' is no dtype; expected one of {string.Join(", ", Names)}");

    /// <summary>The element type that holds values of the managed type <typeparamref name="T"/>.</summary>
    public static DType Of<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float))
            return DType.Float32;
        if (typeof(T) == typeof(double))
            return DType.Float64;
        if (typeof(T) == typeof(Half))
            return DType.Float16;
        if (typeof(T) == typeof(BFloat16))
            return DType.BFloat16;
        if (typeof(T) == typeof(long))
            return DType.Int64;
        if (typeof(T) == typeof(int))
            return DType.Int32;
        if (typeof(T) == typeof(byte))
            return DType.UInt8;
        if (typeof(T) == typeof(bool))
            return DType.Bool;
        throw new DTypeException(
            $"no dtype holds {typeof(T)}; use float, double, Half, BFloat16, long, int, byte or bool"
        );
    }

    extension(DType dtype)
    {
        /// <summary>Bytes of one element.</summary>
        public int Size =>
            dtype switch
            {
                DType.Float64 or DType.Int64 => 8,
                DType.Float32 or DType.Int32 => 4,
                DType.Float16 or DType.BFloat16 => 2,
                _ => 1,
            };

        /// <summary>Whether it is f32, f64, f16 or bf16; only such tensors have gradients.</summary>
        public bool IsFloating => dtype <= DType.BFloat16;

        /// <summary>The short name: <c>f32</c>, <c>bf16</c>, …</summary>
        public string Name => Names[(int)dtype];

        /// <summary>The type in which kernels add up values of this one: f64 for f64, otherwise f32.</summary>
        public DType Accumulator => dtype == DType.Float64 ? DType.Float64 : DType.Float32;

        /// <summary>The unit roundoff u: the largest relative error of rounding to nearest; 0 for integers.</summary>
        public double UnitRoundoff =>
            dtype switch
            {
                DType.Float32 => 1.0 / (1 << 24),
                DType.Float64 => 1.0 / (1L << 53),
                DType.Float16 => 1.0 / (1 << 11),
                DType.BFloat16 => 1.0 / (1 << 8),
                _ => 0,
            };
    }
}
