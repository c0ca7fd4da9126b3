#!/usr/bin/env bash
# The GPU paths, on a machine that may have no GPU.
#
#   scripts/gpu.sh check      checks that the cuda, vulkan and metal builds are well typed
#   scripts/gpu.sh lavapipe   builds with wgpu, trains and samples on Mesa's software driver, and holds
#                             that against the CPU (tests/device.rs says how close)
#   scripts/gpu.sh DEVICE     the same on a real one: wgpu, vulkan, metal, cuda:0
#
# A first build takes 15 to 30 minutes on two cores. Everything goes to target/gpu, so that the build for
# the CPU stays as it is. `lavapipe` needs the driver: `apt-get install mesa-vulkan-drivers` on Debian.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target/gpu}"

device_tests() { # DEVICE FEATURE
    BOURN_DEVICE="$1" cargo test --release --locked --features "$2" --test device -- --test-threads 1 --nocapture
}

case "${1:-}" in
check)
    # Burn's build for CUDA downloads an LLVM bundle, which only linking needs: DOCS_RS leaves it out.
    DOCS_RS=1 cargo check --locked --features cuda
    cargo check --locked --features vulkan
    cargo check --locked --features metal
    ;;
lavapipe)
    # One of the two places need not be there.
    driver=$({ find /usr/share/vulkan /usr/local/share/vulkan -name 'lvp_icd*.json' 2>/dev/null || true; } | head -n 1)
    if [ -z "$driver" ]; then
        echo "Mesa's software driver is not here: apt-get install mesa-vulkan-drivers" >&2
        exit 1
    fi
    export VK_DRIVER_FILES="$driver" VK_ICD_FILENAMES="$driver"
    XDG_RUNTIME_DIR=$(mktemp -d)
    export XDG_RUNTIME_DIR
    trap 'rm -rf "$XDG_RUNTIME_DIR"' EXIT
    device_tests wgpu wgpu
    ;;
wgpu | vulkan | metal) device_tests "$1" "$1" ;;
cuda:*) device_tests "$1" cuda ;;
*)
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
