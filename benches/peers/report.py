"""Ratios and their spread, as a table, as Markdown and as JSON."""

import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

import cases


def speed(side):
    """Tokens a second over everything a side timed."""
    return sum(side["tokens"]) / sum(side["seconds"])


def spread(values, form):
    """The median with least and most: `2.10 (1.95–2.31)`."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return form(middle) if len(values) == 1 else \
        f"{form(middle)} ({form(least)}–{form(most)})"


def number(value):
    """Three significant digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def gigabytes(value):
    return f"{value / 1e9:.2f}"


class Report:
    """Everything that was measured, in order."""

    def __init__(self, args, env):
        self.args, self.env = args, env
        self.rows, self.missing, self.own, self.peaks = [], [], [], []

    def peak(self, gflops):
        """GFLOP/s of a square product by each library."""
        self.peaks.append(gflops)

    def gflops(self):
        return max(value for peaks in self.peaks for value in peaks.values())

    def add(self, case, peer, pairs):
        ratios = [speed(ours) / speed(theirs) for ours, theirs in pairs]
        memory = [ours["peak_bytes"] / theirs["peak_bytes"] for ours, theirs in pairs]
        self.rows.append({
            "case": case.name, "peer": peer.name, "target": peer.target,
            "bourn_tokens_per_second": [speed(ours) for ours, _ in pairs],
            "peer_tokens_per_second": [speed(theirs) for _, theirs in pairs],
            "ratios": ratios, "memory_ratios": memory,
            "bourn_peak_bytes": [ours["peak_bytes"] for ours, _ in pairs],
            "peer_peak_bytes": [theirs["peak_bytes"] for _, theirs in pairs],
            "flops_per_token": case.flops_per_token,
            "pairs": pairs, "same_work": same_work(case, pairs),
        })

    def failed(self, case, peer, reason):
        self.missing.append({"case": case.name, "peer": peer.name, "reason": reason})

    def alone(self, name, target, seconds):
        self.own.append({"name": name, "target_seconds": target, "seconds": seconds})

    def alone_failed(self, name, target, reason):
        self.own.append({"name": name, "target_seconds": target, "failure": reason})

    def share(self, row, side):
        """Of the machine's own measured peak, in percent; None where the work is not fixed."""
        if row["flops_per_token"] is None:
            return "–"
        rate = statistics.median(row[f"{side}_tokens_per_second"]) * row["flops_per_token"]
        return f"{100 * rate / (self.gflops() * 1e9):.0f}%"

    def tables(self):
        head = ["case", "peer", "bourn tok/s", "peer tok/s", "ratio (min–max)", "target", "",
                "of peak: bourn", "peer", "GB: bourn", "peer", "ratio (target ≤ 0.5)"]
        rows = []
        for row in self.rows:
            met = "" if row["target"] is None or self.args.quick else \
                ("met" if statistics.median(row["ratios"]) >= row["target"] else "missed")
            rows.append([
                row["case"], row["peer"],
                number(statistics.median(row["bourn_tokens_per_second"])),
                number(statistics.median(row["peer_tokens_per_second"])),
                spread(row["ratios"], lambda value: f"{value:.2f}"),
                "–" if row["target"] is None else f"≥ {row['target']}", met,
                self.share(row, "bourn"), self.share(row, "peer"),
                gigabytes(max(row["bourn_peak_bytes"])), gigabytes(max(row["peer_peak_bytes"])),
                spread(row["memory_ratios"], lambda value: f"{value:.2f}"),
            ])
        own = [[entry["name"], entry.get("failure") or f"{entry['seconds']:.3g} s",
                f"< {entry['target_seconds']} s" if entry["target_seconds"] else "–",
                "" if "failure" in entry or not entry["target_seconds"] or self.args.quick
                else "met" if entry["seconds"] < entry["target_seconds"] else "missed"]
               for entry in self.own]
        missing = [[entry["case"], entry["peer"], entry["reason"]] for entry in self.missing]
        return [("bourn and peers", head, rows),
                ("bourn alone", ["what", "seconds", "target", ""], own),
                ("not measured", ["case", "peer", "why"], missing)]

    def facts(self):
        yield f"{time.strftime('%Y-%m-%d')}, {processor()}, {self.args.threads} threads, " \
              f"{self.args.repeats} pairs in turn; load {os.getloadavg()[0]:.1f} at the end"
        yield f"commit {commit()}"
        if self.args.quick:
            yield "--quick: sizes at which no ratio means anything"
        size = cases.gemm_size(self.args)
        for when, peaks in zip(("before", "after"), self.peaks):
            said = ", ".join(f"{name} {value:.0f}" for name, value in peaks.items())
            yield f"GFLOP/s of a {size}³ product {when}: {said}"
        for peer, version in self.env.versions().items():
            yield f"{peer}: {version}"
        for row in self.rows:
            if not row["same_work"]:
                yield f"{row['case']}: bourn and {row['peer']} did not do the " \
                      "same work: tokens, loss or gradient differ; see results.json"

    def write(self, work, say=True):
        """Both files, as far as it has come; prints them too where it is the end."""
        text, markdown = [], [f"- {fact}" for fact in self.facts()]
        for title, head, rows in self.tables():
            if not rows:
                continue
            text += ["", title, *aligned([head, *rows])]
            markdown += ["", f"## {title}", "", line(head), line(["---"] * len(head)),
                         *map(line, rows)]
        (work / "results.md").write_text("\n".join(markdown) + "\n")
        (work / "results.json").write_text(json.dumps({
            "facts": list(self.facts()), "gflops": self.peaks, "comparisons": self.rows,
            "alone": self.own, "not_measured": self.missing}, indent=1))
        if say:
            print("\n".join([*self.facts(), *text]))
            print(f"\n{work / 'results.md'} and results.json have the same; run.log every command")

    def exit_code(self):
        """1 where the two sides did not do the same work: such a ratio must not be quoted."""
        return int(any(not row["same_work"] for row in self.rows))


def same_work(case, pairs):
    """Whether the sides of every pair agree about what they did, as far as that can be seen: tokens
    where lengths are fixed, loss and gradient norm where both say them."""
    # A mean of thousands of log-probs of order 10, each off by some 1e-5 for sums in another order;
    # the same for the norm, which adds errors of all layers.
    tolerances = {"loss": 1e-4, "gradient_norm": 1e-3}
    for ours, theirs in pairs:
        if case.flops_per_token is not None and ours["tokens"] != theirs["tokens"]:
            return False
        for key, tolerance in tolerances.items():
            if key in ours and key in theirs and \
                    abs(ours[key] - theirs[key]) > tolerance * abs(theirs[key]):
                return False
    return True


def commit():
    """Of the sources; what was built of them is the caller's to know."""
    said = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent,
                          capture_output=True, text=True, check=False)
    return said.stdout.strip() or "not known"


def processor():
    try:
        with open("/proc/cpuinfo") as file:
            for entry in file:
                if entry.startswith("model name"):
                    return entry.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def aligned(rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in rows]


def line(cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
