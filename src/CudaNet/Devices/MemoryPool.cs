using System.Collections.Concurrent;

namespace CudaNet;

/// <summary>What a device's memory pool has handed out and holds.</summary>
/// <param name="InUse">Bytes that tensors and workspaces use now.</param>
/// <param name="Reserved">Bytes taken from the device, whether in use or kept for the next use.</param>
/// <param name="Peak">The most bytes in use at one time since the start or <see cref="Device.ResetPeakMemory"/>.</param>
/// <param name="Blocks">How many blocks are in use now.</param>
/// <param name="Requests">How many blocks were asked for so far.</param>
/// <param name="DeviceAllocations">How many of these requests the device had to give memory for; a steady program needs none.</param>
public readonly record struct MemoryStatistics(
    long InUse,
    long Reserved,
    long Peak,
    long Blocks,
    long Requests,
    long DeviceAllocations
);

/// <summary>
/// Keeps a device's freed blocks by size and stream and hands them out again. Sizes are rounded up to four steps per power of two. Memory is
/// ordered by streams: a block whose tensor is released while kernels still work on it may be given out at once, because the next use on the
/// same stream comes behind them; a use on another stream is made to wait by events. While a graph is captured, blocks come from an
/// arena of the graph's own, which nobody else gets blocks from as long as the graph lives. In guarded
/// mode, which verifications use, every block has its exact size between two guard bands, and starts as NaN. Where
/// AddressSanitizer watches there are no bands: they would hide from it where a block ends.
/// </summary>
internal sealed unsafe class MemoryPool(Device device)
{
    private const int SmallestClass = 256;
    private const byte FirstGuardByte = 0x7C; // as a number of any floating dtype huge or NaN, so that a read outside shows in results
    private const int GuardByteCount = 4; // neighbours differ, so that a copy between two bands shows as well
    private const byte PoisonByte = 0xFF; // all bits set is a NaN in every floating type
    private const long SmallestGrowth = 4L << 20; // in use beyond what the last collection left, before the next one

    private readonly int _guardBytes = device.HasRedZones ? 0 : 256;
    private readonly Lock _lock = new();
    private readonly BlockArena _shared = new();
    private readonly ConcurrentQueue<Storage> _reclaimed = new();
    private readonly List<WeakReference<Storage>> _blocks = [];
    private readonly List<Storage> _guarded = [];
    private long _inUse;
    private long _reserved;
    private long _peak;
    private long _watermark = SmallestGrowth;
    private int _guardDepth;
    private long _inUseBlocks;
    private long _requests;
    private long _deviceAllocations;

    public MemoryStatistics Statistics
    {
        get
        {
            lock (_lock)
                return new(_inUse, _reserved, _peak, _inUseBlocks, _requests, _deviceAllocations);
        }
    }

    public void ResetPeak()
    {
        lock (_lock)
            _peak = _inUse;
    }

    /// <summary>A block of at least <paramref name="bytes"/> bytes with one reference.</summary>
    public Storage Rent(long bytes, string purpose)
    {
        var stream = device.CurrentStream;
        var capture = EngineState.Current.Capture;
        var arena = capture is not null && ReferenceEquals(capture.Device, device) ? capture.Arena : _shared;
        lock (_lock)
        {
            DrainReclaimed();
            _requests++;
            if (_guardDepth > 0)
                return RentGuarded(bytes, stream, purpose);
            if (arena.TryPop(SizeClass(bytes), stream, out var block))
                return Activate(block, bytes, stream, purpose);
        }
        return RentNew(bytes, stream, arena, purpose);
    }

    private Storage RentNew(long bytes, nint stream, BlockArena arena, string purpose)
    {
        // Handles that nobody released are found by the garbage collector only, which does not see native memory, and pooled storages
        // are old objects to it: ask it to look whenever the memory in use has grown by half.
        if (Interlocked.Read(ref _inUse) + bytes > _watermark)
            CollectGarbage();
        var size = SizeClass(bytes);
        lock (_lock)
        {
            if (arena.TryPop(size, stream, out var block))
                return Activate(block, bytes, stream, purpose);
        }
        var pointer = device.AllocateRaw(size);
        if (pointer == null && arena == _shared)
        {
            TrimFree();
            CollectGarbage();
            TrimFree();
            pointer = device.AllocateRaw(size);
        }
        if (pointer == null)
            throw new OutOfDeviceMemoryException(DescribeExhaustion(bytes, purpose));
        lock (_lock)
        {
            var block = new Storage(this, device, pointer, size) { Arena = arena };
            _reserved += size;
            _deviceAllocations++;
            if (_blocks.Count == _blocks.Capacity)
                _blocks.RemoveAll(w => !w.TryGetTarget(out _));
            _blocks.Add(new WeakReference<Storage>(block, trackResurrection: true));
            block.BeginUse(stream);
            return Activate(block, bytes, stream, purpose);
        }
    }

    private Storage Activate(Storage block, long bytes, nint stream, string purpose)
    {
        if (block.WasFinalized)
        {
            block.WasFinalized = false;
            GC.ReRegisterForFinalize(block);
        }
        device.PrepareReuse(block, stream);
        block.BeginUse(stream);
        block.Bytes = bytes;
        block.LastWriter = purpose;
        block.Retain();
        _inUse += block.Capacity;
        _inUseBlocks++;
        _peak = Math.Max(_peak, _inUse);
        return block;
    }

    /// <summary>Takes back a block that has no references left.</summary>
    public void Return(Storage block)
    {
        lock (_lock)
        {
            _inUse -= block.Capacity;
            _inUseBlocks--;
            if (block.Pointer == null || _guarded.Contains(block))
                return;
            if (block.Arena is not { IsClosed: false })
                block.Arena = _shared;
            block.Arena.Push(block);
        }
    }

    /// <summary>Queues a block whose handles were all collected; called by the finalizer thread, so it takes no lock.</summary>
    public void Reclaim(Storage block)
    {
        block.WasFinalized = true;
        if (!block.IsFree && block.Pointer != null)
            _reclaimed.Enqueue(block);
    }

    private void DrainReclaimed()
    {
        while (_reclaimed.TryDequeue(out var block))
        {
            block.ForgetReferences();
            Return(block);
        }
    }

    private void CollectGarbage()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (_lock)
        {
            DrainReclaimed();
            _watermark = _inUse + Math.Max(SmallestGrowth, _inUse / 2);
        }
    }

    /// <summary>Gives all unused blocks back to the device, except those of captured graphs.</summary>
    public void TrimFree()
    {
        // Streams may still work on what is free already.
        device.Synchronize();
        lock (_lock)
        {
            DrainReclaimed();
            foreach (var block in _shared.TakeAll())
            {
                device.FreeRaw(block.Pointer, block.Capacity);
                block.Pointer = null;
                _reserved -= block.Capacity;
            }
        }
    }

    /// <summary>Ends a graph's arena: its free blocks serve everybody from now on, and those still in use will when they are returned.</summary>
    public void Close(BlockArena arena)
    {
        lock (_lock)
        {
            arena.IsClosed = true;
            foreach (var block in arena.TakeAll())
            {
                block.Arena = _shared;
                _shared.Push(block);
            }
        }
    }

    private string DescribeExhaustion(long bytes, string purpose)
    {
        var live = new List<Storage>();
        lock (_lock)
        {
            foreach (var weak in _blocks)
                if (weak.TryGetTarget(out var block) && !block.IsFree)
                    live.Add(block);
        }
        var largest = live.OrderByDescending(b => b.Bytes)
            .Take(5)
            .Select(b => $"{b.Bytes:N0} bytes{(b.LastWriter is { } w ? $" written by {w}" : "")}");
        return $"{device} has no room for {bytes:N0} bytes ({purpose}); tensors use {_inUse:N0} bytes. The largest: "
            + $"{string.Join("; ", largest)}. Use smaller batches, checkpointing, or release tensors with lifetime frames";
    }

    internal static long SizeClass(long bytes)
    {
        if (bytes <= SmallestClass)
            return SmallestClass;
        var step = Math.Max(SmallestClass, (long)(System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes) / 8));
        return (bytes + step - 1) / step * step;
    }

    /// <summary>Allocates with guard bands and NaN until <see cref="EndGuarded"/>.</summary>
    public void BeginGuarded()
    {
        lock (_lock)
            _guardDepth++;
    }

    /// <summary>Ends guarded mode, frees its blocks and returns a line for each guard band that was written to.</summary>
    public List<string> EndGuarded()
    {
        var violations = new List<string>();
        try
        {
            device.Synchronize();
        }
        finally
        {
            // A kernel that failed must not leave the pool in guarded mode.
            lock (_lock)
                FreeGuarded(violations);
        }
        return violations;
    }

    private void FreeGuarded(List<string> violations)
    {
        if (--_guardDepth > 0)
            return;
        for (var i = 0; i < _guarded.Count; i++)
        {
            var block = _guarded[i];
            CheckBand(block, GuardByte(i), (byte*)block.Pointer - _guardBytes, "before", violations);
            CheckBand(block, GuardByte(i), (byte*)block.Pointer + block.Bytes, "behind", violations);
            device.FreeRaw((byte*)block.Pointer - _guardBytes, WithBands(block.Bytes));
            block.Pointer = null;
        }
        _guarded.Clear();
    }

    private Storage RentGuarded(long bytes, nint stream, string purpose)
    {
        var raw = (byte*)device.AllocateRaw(WithBands(bytes));
        if (raw == null)
            throw new OutOfDeviceMemoryException(DescribeExhaustion(bytes, "a guarded block"));
        var guard = GuardByte(_guarded.Count);
        device.Fill(raw, guard, _guardBytes);
        device.Fill(raw + _guardBytes, PoisonByte, bytes);
        device.Fill(raw + _guardBytes + bytes, guard, _guardBytes);
        var block = new Storage(this, device, raw + _guardBytes, bytes);
        _guarded.Add(block);
        block.BeginUse(stream);
        return Activate(block, bytes, stream, purpose);
    }

    private long WithBands(long bytes) => Math.Max(1, bytes + 2 * _guardBytes);

    private static byte GuardByte(int index) => (byte)(FirstGuardByte + index % GuardByteCount);

    private void CheckBand(Storage block, byte guard, byte* band, string side, List<string> violations)
    {
        if (_guardBytes == 0)
            return;
        var bytes = new byte[_guardBytes];
        fixed (byte* host = bytes)
            device.CopyToHost(host, band, _guardBytes);
        var at = bytes.AsSpan().IndexOfAnyExcept(guard);
        if (at >= 0)
        {
            var distance = side == "before" ? _guardBytes - at : at;
            violations.Add(
                $"{distance} bytes {side} a block of {block.Bytes} bytes were written (last writer: {block.LastWriter ?? "unknown"})"
            );
        }
    }
}
