#!/bin/sh
# Runs the tests of bourn-kernel, the one room with `unsafe`, under Miri; and the compiled code under
# valgrind, where it is installed. Needs a nightly toolchain with Miri:
#
#     rustup toolchain install nightly --no-self-update --component miri,rust-src
#
#     scripts/miri.sh [TESTS…]      the tests whose names contain one of these; all without
#
# Miri interprets the program before the compiler has optimised it, and finds undefined behaviour
# that this machine would let pass: above all, a kernel that is called without the instruction set it
# was compiled for. It knows no instruction set but what is enabled for the whole program, so that it
# runs three times: portable, AVX2, AVX-512. It is some thousand times slower, so that under `cfg(miri)`
# the tests take small sizes and products go to several threads early. Rayon's threads outlive the
# tests and its queues make pointers of integers, which three of the flags allow; the fourth keeps
# functions of the standard library from being off by a random last bit.
#
# Valgrind sees the machine code itself, vectorised as it ships, and every read and write of it. It
# has no AVX-512, so that the AVX2 kernels run. Two tests are left out that take it many minutes.
set -eu
cd "$(dirname "$0")/.."

MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-ignore-leaks -Zmiri-permissive-provenance -Zmiri-deterministic-floats"
export MIRIFLAGS
features=""
case "$(uname -m)" in
x86_64)
    avx2="+avx2,+fma"
    features="$avx2 $avx2,+avx512f,+avx512vl,+avx512bw,+avx512dq"
    ;;
esac
for feature in "" $features; do
    echo "miri: ${feature:-portable}"
    # A directory of its own, so that nothing that was built for use is built again.
    RUSTFLAGS="${feature:+-Ctarget-feature=$feature}" \
        cargo +nightly miri test -p bourn-kernel --lib --target-dir target/miri -- "$@"
done

if command -v valgrind >/dev/null; then
    echo "valgrind"
    # Cargo runs tests by way of it.
    runner="$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')"
    export "CARGO_TARGET_${runner}_RUNNER=valgrind --quiet --error-exitcode=9"
    cargo test --release -p bourn-kernel --lib -- --test-threads=1 \
        --skip exp_is_within_two_ulp_everywhere --skip rows_do_not_depend_on_their_batch "$@"
else
    echo "valgrind is not installed: skipped"
fi
