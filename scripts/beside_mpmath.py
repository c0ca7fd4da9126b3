#!/usr/bin/env python3
r"""The math verifier beside `mpmath` (PyPI), on random expressions: does it ever call two values one that are not?

    pip install mpmath
    cargo build --release -p bourn-verify --example verdicts
    python3 scripts/beside_mpmath.py --verdicts target/release/examples/verdicts

Expressions are drawn with a seed, of small numbers, roots, π and, with `--letters`, x and y, by sums, products,
quotients, powers, roots, sines, logarithms and arctangents. Each is worth what mpmath says to 60 digits; letters at
three points above zero. Judged are pairs that are next to one another by value, where the near ones are, and random
pairs. Two are equal where 45 digits agree.

A pair that is equal at points above zero and not below, such as `y` and `\sqrt{y^2}`, is `wrong` to the verifier,
and rightly so. What must not be is a `correct` of two values that differ: those are printed, and the exit code is 1.
"""

import argparse
import collections
import json
import random
import subprocess
import sys

import mpmath

mpmath.mp.dps = 60
POINTS = [{"x": "0.7312", "y": "1.9127"}, {"x": "2.113", "y": "0.377"}, {"x": "5.31", "y": "3.07"}]


class Draw:
    def __init__(self, seed, letters):
        self.rng = random.Random(seed)
        self.letters = letters

    def leaf(self):
        rng = self.rng
        if self.letters and rng.random() < 0.5:
            name = rng.choice("xy")
            return name, [mpmath.mpf(point[name]) for point in POINTS]
        kind = rng.random()
        if kind < 0.6:
            n = rng.randint(1, 9)
            return str(n), [mpmath.mpf(n)] * 3
        if kind < 0.8:
            top, bottom = rng.randint(1, 9), rng.randint(2, 9)
            return rf"\frac{{{top}}}{{{bottom}}}", [mpmath.mpf(top) / bottom] * 3
        if kind < 0.9:
            return r"\pi", [+mpmath.pi] * 3
        n = rng.choice([2, 3, 5, 6, 7, 8, 12])
        return rf"\sqrt{{{n}}}", [mpmath.sqrt(n)] * 3

    def expression(self, depth):
        if depth == 0:
            return self.leaf()
        rng = self.rng
        a, x = self.expression(depth - 1)
        b, y = self.expression(depth - 1) if rng.random() < 0.4 else self.leaf()
        n = rng.choice([2, 3, -1, -2])
        one = lambda text, function: (text, [function(p) for p in x])
        two = lambda text, function: (text, [function(p, q) for p, q in zip(x, y)])
        positive = min(x) > 0
        rules = [
            (0.25, lambda: two(f"({a}) + ({b})", lambda p, q: p + q)),
            (0.40, lambda: two(f"{a} - ({b})", lambda p, q: p - q)),
            (0.55, lambda: two(rf"({a}) \cdot ({b})", lambda p, q: p * q)),
            (0.68, lambda: two(rf"\frac{{{a}}}{{{b}}}", lambda p, q: p / q)),
            (0.76, lambda: one(f"({a})^{{{n}}}", lambda p: p**n)),
            (0.86, lambda: one(rf"\sqrt{{{a}}}", mpmath.sqrt) if positive else (a, x)),
            (0.90, lambda: one(rf"\sin({a})", mpmath.sin)),
            (0.93, lambda: one(rf"\cos({a})", mpmath.cos)),
            (0.97, lambda: one(rf"\ln({a})", mpmath.log) if positive else (a, x)),
            (1.00, lambda: one(rf"\arctan({a})", mpmath.atan)),
        ]
        kind = rng.random()
        try:
            text, values = next(rule for most, rule in rules if kind < most)()
        except ZeroDivisionError:
            return self.leaf()
        # What is zero but for rounding is zero.
        return text, [mpmath.mpf(0) if abs(p) < mpmath.mpf(10) ** -45 else p for p in values]


def same(x, y):
    return all(abs(p - q) <= mpmath.mpf(10) ** -45 * max(1, abs(p)) for p, q in zip(x, y))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", required=True, help="the example `verdicts` of bourn-verify")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6000, help="expressions")
    parser.add_argument("--letters", action="store_true")
    options = parser.parse_args()
    draw = Draw(options.seed, options.letters)
    drawn = []
    while len(drawn) < options.count:
        text, values = draw.expression(draw.rng.choice([1, 1, 2, 2, 3]))
        if all(mpmath.isfinite(p) and abs(p) < 1e12 for p in values):
            drawn.append((text, values))
    drawn.sort(key=lambda one: one[1][0])
    pairs = [(a, b) for off in (1, 2, 3) for a, b in zip(drawn, drawn[off:]) if a[0] != b[0]]
    pairs += [draw.rng.sample(drawn, 2) for _ in range(options.count)]
    lines = "\n".join(json.dumps({"gold": a[0], "answer": b[0]}) for a, b in pairs)
    done = subprocess.run([options.verdicts], input=lines, capture_output=True, text=True, check=True)
    count = collections.Counter()
    false = []
    for (a, b), line in zip(pairs, done.stdout.splitlines(), strict=True):
        verdict = json.loads(line)["verdict"]
        equal = same(a[1], b[1])
        count["equal" if equal else "unequal", verdict] += 1
        if verdict == "correct" and not equal:
            false.append((a[0], b[0]))
    for (side, verdict), n in sorted(count.items()):
        print(f"{side:8} {verdict:9} {n:7}")
    for a, b in false:
        print(f"false: {a}   {b}")
    sys.exit(1 if false else 0)


if __name__ == "__main__":
    main()
