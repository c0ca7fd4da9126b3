#!/usr/bin/env bash
# Do two commits of bourn produce the same numbers? What a refactor is held against.
#
#   scripts/same_numbers.sh A B [OPTIONS]
#
# A and B are commits (anything that git takes for one) or paths of built binaries. Both run the same
# recipes, those of A's tree (of B's, where A is a binary; of this checkout, where both are), in the same
# folder one after the other, and what they leave is compared byte for byte: standard output, metrics,
# resolved recipes, checkpoints, figures, pictures, tables, draws, and what the cache holds.
#
#   --only CASE[,CASE]   of quickstart, sweeps, algorithms, features
#   --quick              algorithms and features: a few minutes a side on two cores
#   --keys-may-differ    compare the draws of ledgers and not the keys that they lie under
#   --keep DIR           keep what the two produced, in DIR/a and DIR/b
#   -h, --help           this text
#
# Not compared, since it depends on the clock: timing.jsonl, TensorBoard's files, progress and logs on
# standard error. A case that leaves nothing to compare, or whose runs do not reach what they are for, is
# an error and not "same".
#
# BOURN_SMOLLM2=FILE.gguf adds a run of a published model, with a chat template.
#
# Exit code: 0 if nothing differs, 1 if something does, 2 for a call, a build or a run that fails.
#
# Commits are built in a temporary work tree, with the compiled crates of third parties that this
# checkout has (CARGO_TARGET_DIR, by default its target/); the binary is kept in same_numbers/ there, so
# that a commit is built once. CARGO names another cargo. Needs Python 3.11, and `zstd` for ledgers.
set -euo pipefail
root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
here="$root/scripts/same_numbers"
target="${CARGO_TARGET_DIR:-$root/target}"
[[ $target = /* ]] || target="$PWD/$target"
work=""

refuse() {
    echo "same_numbers: $*" >&2
    exit 2
}

usage() { sed -n '2,32s/^# \{0,1\}//p' "$0"; }

tidy() {
    [ -n "$work" ] || return 0
    [ ! -e "$work/tree" ] || git -C "$root" worktree remove --force "$work/tree" || true
    rm -rf "$work"
    git -C "$root" worktree prune
}

is_binary() { [ -f "$1" ] && [ -x "$1" ]; }

# Cargo tells sources of one package in two work trees apart by their time alone, and takes what is
# older than the last build for built. Those of a new work tree are newer; and whatever this build says
# about bourn's own crates is taken back, so that the next build of any work tree looks for itself.
# Without incremental compilation, which third parties have not either, they lie under names of their own.
# The binary, which has one name for all, is put back.
build() { # COMMIT BINARY
    local fresh="$work/fresh" built="$target/release/bourn"
    git -C "$root" worktree add --quiet --detach "$work/tree" "$1"
    touch "$fresh"
    rm -f "$work/before"
    [ ! -e "$built" ] || cp -p "$built" "$work/before"
    echo "same_numbers: building $1" >&2
    (cd "$work/tree" && CARGO_TARGET_DIR="$target" CARGO_INCREMENTAL=0 \
        "${CARGO:-cargo}" build --release --locked --package bourn-cli >&2) || refuse "$1 cannot be built"
    mkdir -p "$(dirname "$2")"
    # A copy: the file is one with what cargo keeps and writes to again.
    cp "$built" "$2.new"
    mv "$2.new" "$2"
    rm "$built"
    [ ! -e "$work/before" ] || mv "$work/before" "$built"
    find "$target/release/.fingerprint" -path '*/bourn-*/*' -newer "$fresh" -exec dirname {} \; |
        sort -u | while read -r fingerprint; do rm -rf "$fingerprint"; done
    git -C "$root" worktree remove --force "$work/tree"
}

# A function, so that bash has read all of it before it begins: the file may change meanwhile.
main() {
    local sides=() options=() commits=() binaries=() side index binary recipes status
    while [ $# -gt 0 ]; do
        case "$1" in
        -h | --help)
            usage
            exit 0
            ;;
        --quick | --keys-may-differ) options+=("$1") ;;
        --only | --keep)
            [ $# -ge 2 ] || refuse "$1 needs a value; -h says which"
            options+=("$1" "$2")
            shift
            ;;
        -*) refuse "$1: no such option; -h lists them" ;;
        *) sides+=("$1") ;;
        esac
        shift
    done
    [ ${#sides[@]} = 2 ] || refuse "give two commits or binaries to compare; -h says more"
    command -v zstd >/dev/null ||
        refuse "zstd is not here, and ledgers are compressed with it: apt-get install zstd"

    # All that can be wrong with the call, before anything is built.
    python3 "$here/run.py" --check "${options[@]}" || exit 2
    for side in "${sides[@]}"; do
        if is_binary "$side"; then
            commits+=("")
        else
            commits+=("$(git -C "$root" rev-parse --quiet --verify "$side^{commit}")") ||
                refuse "$side: neither a commit nor a binary"
        fi
    done

    work=$(mktemp -d)
    trap tidy EXIT
    trap 'exit 2' INT TERM HUP
    for index in 0 1; do
        if [ -z "${commits[$index]}" ]; then
            binaries+=("$(realpath "${sides[$index]}")")
            continue
        fi
        binary="$target/same_numbers/${commits[$index]}/bourn"
        [ -x "$binary" ] || build "${commits[$index]}" "$binary"
        binaries+=("$binary")
    done

    recipes="${commits[0]:-${commits[1]}}"
    if [ -n "$recipes" ]; then
        git -C "$root" archive "$recipes" recipes | tar -x -C "$work"
    else
        cp -r "$root/recipes" "$work/recipes"
    fi

    # Not exec: the folders are removed here, at the end.
    status=0
    python3 "$here/run.py" --work "$work" "${options[@]}" \
        --side "${sides[0]}" "${binaries[0]}" --side "${sides[1]}" "${binaries[1]}" || status=$?
    exit "$status"
}

main "$@"
