"""What `scripts/same_numbers.sh` does with two binaries: runs the cases with each, and compares."""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

import cases
import compare
from bourn import Bourn, Failed


def chosen(options):
    """The cases that are asked for, in order."""
    names = list(cases.CASES)
    if options.only is None:
        return [name for name in names if not options.quick or name in cases.QUICK]
    only = options.only.split(",")
    unknown = [name for name in only if name not in names]
    if unknown or options.quick:
        why = "--quick is an --only of its own" if options.quick else f"no case {unknown[0]!r}"
        raise Failed(f"--only {options.only}: {why}; there are {', '.join(names)}")
    return [name for name in names if name in only]


def place_to_keep(options):
    """Where what was produced goes: a folder that stays, or one that does not."""
    if not options.keep:
        return options.work and options.work / "kept"
    keep = Path(options.keep)
    if keep.exists() and not (keep.is_dir() and not any(keep.iterdir())):
        raise Failed(f"--keep {keep}: there is something here already")
    return keep


def run(name, side, work, kept):
    """Runs one case with one binary. Both binaries run in the very same folder, so that a path that
    stands in an output is the same too; what they leave is then moved apart."""
    letter, (label, binary) = side
    place = work / "place"
    (place / "input").mkdir(parents=True)
    shutil.copytree(work / "recipes", place / "input" / "recipes")
    begun = time.monotonic()
    try:
        cases.CASES[name](Bourn(binary, place))
    except Failed as failed:
        raise Failed(f"{name} with {label}: {failed}") from None
    finally:
        kept.joinpath(letter).mkdir(parents=True, exist_ok=True)
        shutil.move(place, kept / letter / name)
    print(f"same_numbers: {name} with {label}: {time.monotonic() - begun:.0f} s", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(add_help=False)
    # What the shell script gives: --check asks whether the rest is right, and does nothing.
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--side", nargs=2, action="append")
    parser.add_argument("--only")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keys-may-differ", action="store_true")
    parser.add_argument("--keep")
    options = parser.parse_args()
    names, kept = chosen(options), place_to_keep(options)
    if options.check:
        return 0
    same = differ = 0
    for name in names:
        for side in zip("ab", options.side):
            run(name, side, options.work, kept)
        found = compare.folders(kept / "a" / name, kept / "b" / name, options.keys_may_differ)
        lacking = cases.LEAVES[name] - {kind for kind, *_ in found}
        if lacking:
            raise Failed(f"{name}: nothing of this was produced: {', '.join(sorted(lacking))}")
        for kind, count, differences in found:
            if not differences:
                print(f"same    {name:<11} {kind} ({count})")
            for difference in differences:
                print(f"DIFFER  {name:<11} {difference}")
            same, differ = same + (not differences), differ + bool(differences)
        sys.stdout.flush()
    a, b = (label for label, _ in options.side)
    verdict = "produce the same numbers" if differ == 0 else "do NOT produce the same numbers"
    print(f"{same} kinds of output the same, {differ} different: {a} and {b} {verdict}")
    return 1 if differ else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failed:
        print(f"same_numbers: {failed}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(2)
    except BrokenPipeError:
        os._exit(2)
