#!/usr/bin/env bash
# Kills a short run at every system call that changes the disk, one run for each, goes on with the command
# that is named and compares what is left with a run that was not killed. Linux, with strace.
#
#     scripts/kill_everywhere.sh [BOURN] [CALL…]
#
# BOURN is target/release/bourn unless it is given; CALLs are those below. Of those that are many, one in 5
# is taken. Each run pretrains its base in a cache of its own.
set -euo pipefail
bourn=$(realpath "${1:-$(dirname "$0")/../target/release/bourn}")
shift || true
calls=("$@")
[ ${#calls[@]} -gt 0 ] || calls=(mkdir rename renameat unlink unlinkat rmdir chmod ftruncate fsync openat write)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export BOURN_CACHE=$work/cache NO_COLOR=1 RAYON_NUM_THREADS=1
cat > small.toml <<'TOML'
seed = 7
model.architecture = { hidden_size = 32, num_layers = 2, num_heads = 2, intermediate_size = 64, max_position = 48 }
[base]
steps = 20
batch_size = 64
lr = 3e-3
[[task]]
kind = "countdown"
numbers = 2
range = [1, 9]
target = [1, 81]
train_problems = 64
[rollout]
prompts_per_step = 8
num_generations = 4
max_prompt_length = 16
max_completion_length = 10
[algorithm]
name = "grpo"
[train]
max_steps = 3
[probe]
interval = 1
problems = 4
n_max = 8
stop = 2
resamples = 200
[checkpoint]
interval = 1
keep_last = 1
TOML
train() { "$bourn" train small.toml --run-dir "$@" > out.txt 2> err.txt; }
train whole || { cat err.txt; exit 1; }

failed=0 points=0
for call in "${calls[@]}"; do
    every=1 killed=0
    case "$call" in write | openat | fsync) every=5 ;; esac
    for ((when = 1; ; when += every)); do
        rm -rf run cache
        # A status above 128 is that of a signal.
        status=0
        # In braces, so that the shell does not say of each that it was killed.
        {
            strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$when" \
                "$bourn" train small.toml --run-dir run > out.txt 2> err.txt || status=$?
        } 2> /dev/null
        [ "$status" -eq 0 ] && break
        [ "$status" -gt 128 ] || { echo "$call $when: $(tail -n 1 err.txt)"; failed=$((failed + 1)); }
        killed=$((killed + 1))
        # Without --resume it either goes on or names what does.
        if ! train run; then
            if ! grep -q -e --resume err.txt || ! train run --resume; then
                echo "$call $when: $(tail -n 1 err.txt)"
                failed=$((failed + 1))
                continue
            fi
        fi
        if grep -q damaged err.txt ||
            ! diff -r -x timing.jsonl -x tensorboard whole run > diff.txt; then
            echo "$call $when: $(head -n 3 diff.txt)"
            failed=$((failed + 1))
        elif find run cache -name '.*' ! -name .lock | grep . > left.txt; then
            echo "$call $when: left $(head -n 3 left.txt)"
            failed=$((failed + 1))
        fi
    done
    echo "$call: killed at $killed points"
    points=$((points + killed))
done
echo "$points kills, $failed of them not gone on with to the same bytes, or with something left"
[ "$failed" -eq 0 ]
