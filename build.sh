#!/usr/bin/env bash
# Builds CudaNet:  ./build.sh --target=Demo|Build|Native|Test|Verify|Cuda|Bench|Format|GpuBundle|Pack|Samples  [--option=value]
#
# Finds what the target lacks, installs it where it may (root, apt) and otherwise prints the command to run. Demo and
# Build need the .NET SDK and nothing else. What the targets do stands in build.cake.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=Build
arguments=()
while (($#)); do
    case $1 in
    --target=*) target=${1#*=} ;;
    --target | -t) target=${2:?--target needs a name} && shift ;;
    -h | --help) target=Help ;;
    *) arguments+=("$1") ;;
    esac
    shift
done

has() { command -v "$1" >/dev/null 2>&1; }

fail() {
    printf '%s\n' "$@" >&2
    exit 2
}

has dotnet || fail "The .NET SDK 10 is missing: install it from https://dot.net and put dotnet on the PATH."

# --- what the target needs, as Debian packages -----------------------------------------------------------------------

packages=()
components=()

need_native() {
    has cmake || packages+=(cmake)
    has ninja || packages+=(ninja-build)
    has g++ || packages+=(g++)
    [[ -e /usr/include/boost/context/detail/fcontext.hpp ]] || packages+=(libboost-context-dev)
}

need_cuda() {
    has cmake || packages+=(cmake)
    has ninja || packages+=(ninja-build)
    if ! has nvcc; then
        [[ ! -x /usr/local/cuda/bin/nvcc ]] || export PATH=$PATH:/usr/local/cuda/bin
        has nvcc || { packages+=(nvidia-cuda-toolkit) && components=(contrib non-free); }
    fi
    has g++-11 || packages+=(g++-11) # the newest compiler that CUDA 11.8 accepts
}

need_browser() { # renders the pages that reports are
    has chromium || has chromium-browser || has google-chrome || packages+=(chromium)
}

case ${target,,} in
native | test | pack | samples) need_native ;;
verify) need_native && need_browser ;;
cuda) need_cuda ;;
format) has clang-format || packages+=(clang-format) ;;
esac

# nvidia-cuda-toolkit lies in Debian's non-free component, which a fresh Debian does not list.
sources=/etc/apt/sources.list.d/debian.sources
add_components='
    /^Components:/ {
        split(wanted, want, " ")
        for (w in want) {
            found = 0
            for (i = 2; i <= NF; i++) if ($i == want[w]) found = 1
            if (!found) $0 = $0 " " want[w]
        }
    }
    { print }'

install_packages() {
    local command="apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
    if ((${#components[@]})); then
        command="sed -i '/^Components:/ s/\$/ ${components[*]}/' $sources && $command"
    fi
    if ! has apt-get; then
        fail "$target needs packages that are missing: ${packages[*]} (Debian's names)." \
            "Install them with this system's package manager; on Debian, as root: $command"
    fi
    if ((EUID != 0)); then
        fail "$target needs packages that are missing. Run as root:" "  $command"
    fi
    if ((${#components[@]})) && [[ -e $sources ]]; then
        local edited
        edited=$(awk -v wanted="${components[*]}" "$add_components" "$sources")
        printf '%s\n' "$edited" >"$sources"
    fi
    echo "Installing ${packages[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -y -q --no-install-recommends "${packages[@]}"; } >&2 </dev/null ||
        fail "apt-get could not install what $target needs. The command was:" "  $command"
}

((${#packages[@]} == 0)) || install_packages

# --- Cake ------------------------------------------------------------------------------------------------------------

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
# Build nodes that outlive the build would hold the output of whoever started this script.
[[ ${CI:-} != true ]] || export MSBUILDDISABLENODEREUSE=1

restored=.tools/restored
if [[ ! -e $restored || dotnet-tools.json -nt $restored || ! -d ${NUGET_PACKAGES:-$HOME/.nuget/packages}/cake.tool ]]; then
    mkdir -p .tools
    dotnet tool restore >.tools/restore.log 2>&1 || { cat .tools/restore.log >&2 && exit 1; }
    touch "$restored"
fi

cake=(dotnet cake build.cake --verbosity=minimal --target="$target" "${arguments[@]+"${arguments[@]}"}")
if [[ ${target,,} == demo ]]; then
    # Cake builds; the demo itself gets this very terminal, for its progress bar and for Ctrl-C.
    "${cake[@]}"
    exec dotnet src/CudaNet.Cli/bin/Release/net10.0/CudaNet.Cli.dll train cnn
fi
exec "${cake[@]}"
