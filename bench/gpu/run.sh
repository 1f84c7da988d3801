#!/usr/bin/env bash
# Compiles the kernels on a GPU machine, checks every variant there, and times them next to PyTorch where that is installed.
# Needs nvcc (CUDA 11.8 to 13) and a driver; neither .NET, nor cmake, nor a network. Its steps are limited to 9 minutes in all, compiling left out. Comes with the archive that `./build.sh --target=GpuBundle` makes; run it where that was
# unpacked:
#
#   OUT=results bench/gpu/run.sh            logs go to $OUT (default ./out); status 1 when anything fails
#   PYTHON=python3                          the interpreter that has PyTorch
#   ARCH="80 90" JOBS=8 NVCC=/path/to/nvcc  override what is found
set -euo pipefail
out=${OUT:-./out}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

nvcc=${NVCC:-$(command -v nvcc || true)}
[[ -n $nvcc ]] || { [[ ! -x /usr/local/cuda/bin/nvcc ]] || nvcc=/usr/local/cuda/bin/nvcc; }
[[ -n $nvcc ]] || { echo "nvcc is not on the PATH: set NVCC to it" >&2 && exit 2; }
jobs=${JOBS:-$(nproc)}

# Code for the GPUs that are here, and PTX of the newest of them.
arch=${ARCH:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | tr -d '. ' | sort -nu | xargs || true)}
[[ $arch =~ ^[0-9]+( [0-9]+)*$ ]] || arch="80 90"
generate=()
for a in $arch; do generate+=(-gencode "arch=compute_$a,code=sm_$a"); done
generate+=(-gencode "arch=compute_${arch##* },code=compute_${arch##* }")

# CUDA 11.8 accepts g++ up to 11; newer releases take the system's own.
host=()
if [[ $("$nvcc" --version) == *"release 11."* ]] && command -v g++-11 >/dev/null; then host=(-ccbin g++-11); fi

{
    "$nvcc" --version
    nvidia-smi || true
    echo "architectures: $arch, jobs: $jobs"
} >"$out/machine.log" 2>&1

# --- compile ---------------------------------------------------------------------------------------------------------

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
export nvcc out objects
flags="-std=c++17 -O3 -lineinfo -Xptxas -v -Xcompiler -fPIC,-fvisibility=hidden -I native/include -I kernels"
export flags="$flags ${generate[*]} ${host[*]+"${host[*]}"}"

compile() {
    local name=${1//\//_}
    # shellcheck disable=SC2086
    if ! "$nvcc" $flags -c "$1" -o "$objects/$name.o" >"$out/compile-$name.log" 2>&1; then
        echo "FAILED to compile $1" >&2
        cat "$out/compile-$name.log" >&2
        return 1
    fi
}
export -f compile

sources() {
    find kernels -name '*.cu'
    find native/runtime \( -name '*.cu' -o -name '*.cpp' \) ! -name 'simt*'
}
started=$SECONDS
echo "compiling $(sources | wc -l) files for $arch"
sources | sort | xargs -P "$jobs" -I '{}' bash -c 'compile "$1"' _ '{}'
"$nvcc" -shared "${generate[@]}" "${host[@]+"${host[@]}"}" -cudart static -o bin/libcudanet_cuda.so "$objects"/*.o -ldl \
    >"$out/link.log" 2>&1 || { cat "$out/link.log" >&2 && exit 1; }
echo "compiled in $((SECONDS - started)) s"

# --- check -----------------------------------------------------------------------------------------------------------

status=0
# Tells how a step ended: the status is that of the command behind its name and the second it began at.
finish() {
    local name=$1 started=$2
    shift 2
    if "$@"; then
        echo "$name: ok in $((SECONDS - started)) s"
    else
        echo "$name: FAILED (status $?) after $((SECONDS - started)) s; the end of $out/$name.log:"
        tail -n 40 "$out/$name.log"
        status=1
    fi
}
into() {
    local log=$1
    shift
    "$@" >"$log" 2>&1
}
step() {
    local name=$1
    shift
    finish "$name" $SECONDS into "$out/$name.log" "$@"
}
step doctor ./cudanet doctor
# The same cases as tests, as `CUDANET_TEST_DEVICE=cuda:0 dotnet test --filter Category=Kernels` runs them; beside the check, since both
# mostly compute references on the host.
begun=$SECONDS
export TESTINGPLATFORM_TELEMETRY_OPTOUT=1
CUDANET_TEST_DEVICE=cuda:0 into "$out/tests.log" timeout 180 bin/CudaNet.Tests --filter TestCategory=Kernels --results-directory "$out" &
tests=$!
step check timeout 180 ./cudanet check --device cuda:0 --all-variants
finish tests "$begun" wait "$tests"
if sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null); then
    # One family with shared memory, shuffles and several blocks; the sanitizer slows it down by a hundred.
    step sanitizer timeout 60 "$sanitizer" --error-exitcode 1 ./cudanet check --device cuda:0 --op layer_norm --no-gradients
fi

# --- time ------------------------------------------------------------------------------------------------------------

peer=()
python=$(command -v "${PYTHON:-python3}" || true)
if [[ -n $python ]] && "$python" -c 'import torch, sys; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
    peer=(--peer --peer-python "$python")
else
    echo "PyTorch with a GPU was not found: times are ours alone (set PYTHON)"
fi
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw --format=csv >"$out/clocks-before.log" 2>&1 || true
suite=(./cudanet bench --suite kernels --device cuda:0 --rounds 11 --seconds 0.4 "${peer[@]+"${peer[@]}"}")
step bench timeout 240 "${suite[@]}" --out "$out/gpu-kernels.md" --json
[[ ! -e $out/bench.log ]] || mv "$out/bench.log" "$out/gpu-kernels.json"
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw --format=csv >"$out/clocks-after.log" 2>&1 || true
[[ ! -e $out/gpu-kernels.md ]] || cat "$out/gpu-kernels.md"
exit "$status"
