#!/usr/bin/env python3
"""Reads event files back with the real `tensorboard` package.

    cargo run --release -p bourn-track --example write_events -- DIR
    python tests/tensorboard_readback.py DIR            # the example's directory, value by value
    python tests/tensorboard_readback.py --run DIR      # a run's directory: what every run has

Needs `pip install tensorboard`. Exit code 0 only if everything is as written.
"""

import argparse
import math
import re
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2

KEEP_ALL = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}


def load(directory):
    events = EventAccumulator(directory, size_guidance=KEEP_ALL)
    events.Reload()
    return events


def equal(what, got, expect):
    if got != expect:
        sys.exit(f"{what}: got {got!r}, expected {expect!r}")


def close(what, got, expect):
    # Scalars are stored as 32-bit floats: half a unit in the last place of 24 bits.
    if not math.isclose(got, expect, rel_tol=2.0**-24, abs_tol=0.0):
        sys.exit(f"{what}: got {got!r}, expected {expect!r}")


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def text(events, tag):
    """The text of a tag's only event, as the text plugin finds it."""
    if tag not in events.PluginTagToContent("text"):
        sys.exit(f"{tag}: not a text summary")
    (event,) = events.Tensors(tag)
    (value,) = event.tensor_proto.string_val
    return event.step, value.decode("utf-8")


def check_png(what, image):
    data = image.encoded_image_string
    equal(f"{what}: signature", data[:8], b"\x89PNG\r\n\x1a\n")
    # Width and height stand in the header chunk, and must be those of the summary.
    equal(f"{what}: size", struct.unpack(">II", data[16:24]), (image.width, image.height))


def check_histogram(what, histogram):
    equal(f"{what}: count", sum(histogram.bucket), histogram.num)
    equal(f"{what}: edges", len(histogram.bucket_limit), len(histogram.bucket))
    equal(f"{what}: order", sorted(histogram.bucket_limit), list(histogram.bucket_limit))


def layout(events):
    """The charts of the custom-scalars tab: category and title to the chart."""
    tag = "custom_scalars__config__"
    if tag not in events.PluginTagToContent("custom_scalars"):
        sys.exit("no layout of custom scalars")
    message = layout_pb2.Layout.FromString(events.Tensors(tag)[-1].tensor_proto.string_val[0])
    return {(category.title, chart.title): chart
            for category in message.category for chart in category.chart}


def check_layout(events):
    """Every chart finds at least one of the run's scalars, and a margin chart all of its own."""
    charts, tags = layout(events), events.Tags()["scalars"]
    for (category, title), chart in charts.items():
        what = f"{category}, {title}"
        for series in chart.margin.series:
            for tag in (series.value, series.lower, series.upper):
                if tag not in tags:
                    sys.exit(f"{what}: no scalar {tag}")
        for expression in chart.multiline.tag:
            # A run without a crossover has no such scalar.
            if not any(re.match(expression, tag) for tag in tags) and "crossover" not in title:
                sys.exit(f"{what}: {expression} matches no scalar")
    return charts


def check_example(directory):
    events = load(directory)
    tags = events.Tags()

    # Steps 5 to 9 of the first file were written again by a resumed run that ended at 7.
    expect = [(s, s / 16) for s in range(5)] + [(s, 1 + s / 16) for s in range(5, 8)]
    equal("train/reward", scalars(events, "train/reward"), expect)

    step, markdown = text(events, "recipe")
    equal("recipe: step", step, 0)
    equal("recipe", markdown, '# recipe\n\n    seed = 1\n    name = "ümlaut <b>"\n')

    for tag, value in {
        "base/pass@1": 0.092,
        "policy/pass@256": 0.625,
        "policy/pass@256/ci_low": 0.555,
        "delta/pass@1": 0.165,
        "crossover_k": 16.0,
        "solvable/never_solved_again": 35.0,
        "delta_se": 0.7326,
        "base/entropy": 0.512,
        "base/n": 256.0,
        "problems": 96.0,
        "delta_anytime/pass@1/ci_low": 0.025,
        "solvable/expected/lost_or_nearly": 32.5,
        "solvable/excess/lost_or_nearly/ci_high": 33.0,
        "solvable/null/lost_or_nearly": 1.5,
        "support/srr": 0.656,
        "cover@0.5/policy": 0.2,
        "ppl/policy/base/wrong": 5.1,
        "witness_mass/policy": 0.05,
        "outside_nucleus": 0.07,
        "policy/answer_entropy": 1.2,
        "base/entropy/q0.8": 1.1,
        "matched/policy/temperature": 1.35,
    }.items():
        ((step, got),) = scalars(events, f"boundary/countdown/{tag}")
        equal(f"{tag}: step", step, 7)
        close(tag, got, value)

    both = ("base", "policy")
    ppl = [f"ppl/{under}/{of}/{kind}/problems"
           for under in both for of in both for kind in ("correct", "wrong")]
    expect = ["base/accuracy", "policy/accuracy", *ppl,
              "solvable/gained_probability", "solvable/lost_probability"]
    equal("histograms", sorted(tags["histograms"]), [f"boundary/countdown/{tag}" for tag in expect])
    # Eight problems from 1.25 to 3: quarters, exact in any float.
    (event,) = events.Histograms("boundary/countdown/ppl/base/policy/correct/problems")
    check_histogram("perplexity", event.histogram_value)
    equal("perplexity", (event.histogram_value.min, event.histogram_value.max), (1.25, 3.0))
    (event,) = events.Histograms("boundary/countdown/solvable/lost_probability")
    check_histogram("P(lost)", event.histogram_value)
    equal("P(lost): problems", event.histogram_value.num, 96.0)

    charts = check_layout(events)
    chart = charts["countdown: pass@k", "pass@256: base and policy"]
    equal("layout: pass@256", [series.value for series in chart.margin.series],
          [f"boundary/countdown/{side}/pass@256" for side in both])
    if ("countdown: solvable sets", "lost and gained beyond chance") not in charts:
        sys.exit(f"no chart of the excess among {sorted(charts)}")

    (event,) = events.Histograms("boundary/countdown/policy/accuracy")
    histogram = event.histogram_value
    check_histogram("policy accuracy", histogram)
    equal("policy accuracy: ends", (histogram.min, histogram.max), (0.0, 0.75))
    equal("policy accuracy: sums", (histogram.num, histogram.sum, histogram.sum_squares),
          (96.0, 36.0, 21.0))
    equal("policy accuracy: buckets", [n for n in histogram.bucket if n], [24.0] * 4)

    (image,) = events.Images("boundary/countdown/pass_at_k")
    equal("picture: size", (image.width, image.height, image.step), (900, 600, 7))
    check_png("picture", image)


def check_run(directory):
    """What every run with a probe has, whatever its figures."""
    events = load(directory)
    tags = events.Tags()
    for tag in ["train/reward", "train/entropy", "train/step_time", "actor/pg_loss", "actor/lr"]:
        if tag not in tags["scalars"]:
            sys.exit(f"{tag}: missing")
        steps = [step for step, _ in scalars(events, tag)]
        equal(f"{tag}: each step once, in order", steps, sorted(set(steps)))
    check_layout(events)
    if not any(text(events, tag)[1] for tag in events.PluginTagToContent("text")):
        sys.exit("no text summary holds the recipe")
    for ending, kind in [("/pass_at_k", "images"), ("/accuracy", "histograms")]:
        if not any(tag.startswith("boundary/") and tag.endswith(ending) for tag in tags[kind]):
            sys.exit(f"no boundary/…{ending} among the {kind}")
    for tag in tags["images"]:
        for image in events.Images(tag):
            check_png(tag, image)
    for tag in tags["histograms"]:
        for event in events.Histograms(tag):
            check_histogram(tag, event.histogram_value)
    # The smallest difference that can be told from 0 has no interval; every other figure has.
    pass_at_k = [tag for tag in tags["scalars"]
                 if "/pass@" in tag and "/ci_" not in tag and "/detectable/" not in tag]
    if not pass_at_k:
        sys.exit("no boundary/…/pass@k")
    for tag in pass_at_k:
        low, high = scalars(events, f"{tag}/ci_low"), scalars(events, f"{tag}/ci_high")
        equal(f"{tag}: a probe has both ends", [s for s, _ in low], [s for s, _ in high])
        for (_, a), (_, b) in zip(low, high):
            if not a <= b:
                sys.exit(f"{tag}: interval [{a}, {b}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="a run's directory, not the example's")
    parser.add_argument("directory")
    arguments = parser.parse_args()
    (check_run if arguments.run else check_example)(arguments.directory)
    print(f"{arguments.directory}: reads back as written")


if __name__ == "__main__":
    main()
