#!/usr/bin/env python3
"""Curves of a run as an SVG: reward, entropy, and pass@k of policy and base at every probe.

    python3 scripts/plot_run.py RUN_DIR [RUN_DIR ...] > curves.svg

Reads RUN_DIR/metrics.jsonl; needs nothing but the standard library.
"""

import json
import sys
from pathlib import Path

WIDTH, HEIGHT, MARGIN, GAP = 300, 220, 44, 26
COLOURS = ["#1f77b4", "#d95f02", "#2a9d5c", "#7b4fa3"]


def read(run):
    lines = (Path(run) / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def series(lines, tag):
    return [(line["step"], line[tag]) for line in lines if line.get(tag) is not None]


def pass_tags(lines):
    found = {}
    for line in lines:
        for tag in line:
            parts = tag.split("/")
            if tag.startswith("boundary/") and parts[2] == "policy" and len(parts) == 4:
                if parts[3].startswith("pass@"):
                    found[int(parts[3][5:])] = parts[1]
    ks = sorted(found)
    return [(k, found[k]) for k in (ks[:1] + ks[-1:] if len(ks) > 1 else ks)]


def path(points, x, y):
    return " ".join(f"{'M' if i == 0 else 'L'}{x(a):.1f},{y(b):.1f}" for i, (a, b) in enumerate(points))


def panel(index, title, curves, low=None, high=None):
    """One chart; a curve is (points, colour, dashed, label)."""
    values = [v for points, *_ in curves for _, v in points]
    steps = [s for points, *_ in curves for s, _ in points]
    if not values:
        return ""
    low = min(values + [0]) if low is None else low
    high = max(values) * 1.05 if high is None else high
    last = max(steps + [1])
    left, top = MARGIN + index * (WIDTH + GAP + MARGIN), 30

    def x(step):
        return left + WIDTH * step / last

    def y(value):
        return top + HEIGHT * (1 - (value - low) / (high - low or 1))

    out = [f'<text x="{left}" y="{top - 10}" class="title">{title}</text>']
    for i in range(5):
        value = low + (high - low) * i / 4
        out.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(value):.1f}" y2="{y(value):.1f}" class="grid"/>')
        out.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" class="tick" text-anchor="end">{value:.2g}</text>')
    for i in range(3):
        step = round(last * i / 2)
        out.append(f'<text x="{x(step):.1f}" y="{top + HEIGHT + 16}" class="tick" text-anchor="middle">{step}</text>')
    for points, colour, dashed, label in curves:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        out.append(f'<path d="{path(points, x, y)}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
        if label:
            step, value = points[-1]
            out.append(f'<text x="{x(step) - 4:.1f}" y="{y(value) - 6:.1f}" fill="{colour}" class="label" text-anchor="end">{label}</text>')
    return "\n".join(out)


def main(runs):
    reward, entropy, passes = [], [], []
    for run, colour in zip(runs, COLOURS):
        lines = read(run)
        name = Path(run).name if len(runs) > 1 else ""
        reward.append((series(lines, "train/reward"), colour, False, name))
        entropy.append((series(lines, "train/entropy"), colour, False, name))
        for k, dataset in pass_tags(lines):
            for side, dashed in (("policy", False), ("base", True)):
                points = series(lines, f"boundary/{dataset}/{side}/pass@{k}")
                shown = colour if len(runs) > 1 else COLOURS[0 if k == 1 else 1]
                passes.append((points, shown, dashed, f"{side} pass@{k}" if run == runs[0] else ""))
    total = 3 * (WIDTH + GAP + MARGIN)
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {HEIGHT + 60}" font-family="sans-serif">')
    print("<style>.title{font-size:14px;font-weight:600}.tick{font-size:10px;fill:#777}.label{font-size:11px}"
          ".grid{stroke:#ddd}</style>")
    print(f'<rect width="{total}" height="{HEIGHT + 60}" fill="#fff"/>')
    print(panel(0, "mean reward, by step", reward, low=0))
    print(panel(1, "entropy, nats a token, by step", entropy, low=0))
    print(panel(2, "held-out pass@k, by step", passes, low=0, high=1))
    print("</svg>")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
