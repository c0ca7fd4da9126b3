#!/usr/bin/env python3
"""Reads event files back with the real `tensorboard` package.

    cargo run --release -p bourn-track --example write_events -- DIR
    python tests/tensorboard_readback.py DIR            # the example's directory, value by value
    python tests/tensorboard_readback.py --run DIR      # a run's directory: what every run has

Needs `pip install tensorboard`. Exit code 0 only if everything is as written.
"""

import argparse
import math
import os
import re
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator as ServerAccumulator)
from tensorboard.plugin_util import markdown_to_safe_html
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.hparams import metadata

KEEP_ALL = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
RUNS = ("base", "policy", "detail/base", "detail/policy")
# What is looked at first; the largest k stands in the third.
WATCHED = ["Watch/1 reward", "Watch/2 pass@1", "Watch/3 pass@", "Watch/4 never solved again",
           "Watch/5 newly solved", "Watch/6 entropy", "Watch/7 KL from the base",
           "Watch/8 completion length", "Watch/9 clipped completions",
           "Watch/10 tokens per second"]
# About as many scalars as one still scrolls through.
MOST_TAGS = 30


def load(directory):
    """The four runs of a run directory's event files."""
    runs = {}
    for run in RUNS:
        runs[run] = EventAccumulator(os.path.join(directory, run), size_guidance=KEEP_ALL)
        runs[run].Reload()
    return runs


def equal(what, got, expect):
    if got != expect:
        sys.exit(f"{what}: got {got!r}, expected {expect!r}")


def close(what, got, expect):
    # Scalars are stored as 32-bit floats: half a unit in the last place of 24 bits.
    if not math.isclose(got, expect, rel_tol=2.0**-24, abs_tol=0.0):
        sys.exit(f"{what}: got {got!r}, expected {expect!r}")


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def texts(events, tag):
    """The texts of a tag with their steps, as the text plugin finds them."""
    if tag not in events.PluginTagToContent("text"):
        sys.exit(f"{tag}: not a text summary")
    return [(event.step, event.tensor_proto.string_val[0].decode("utf-8"))
            for event in events.Tensors(tag)]


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


def check_layout(runs):
    """Every chart finds scalars, and no run has some of a chart with intervals and not the rest."""
    charts = layout(runs["policy"])
    tags = {run: events.Tags()["scalars"] for run, events in runs.items()}
    every = [tag for of in tags.values() for tag in of]
    for (category, title), chart in charts.items():
        what = f"{category}, {title}"
        for series in chart.margin.series:
            ends = (series.value, series.lower, series.upper)
            found = {run: [tag for tag in ends if tag in of] for run, of in tags.items()}
            if not any(len(of) == 3 for of in found.values()):
                sys.exit(f"{what}: not in any run: {ends}")
            for run, of in found.items():
                if len(of) in (1, 2):
                    sys.exit(f"{what}: {run} has only {of}")
        # A run without a crossover has no such scalar; a single expression may match none.
        matched = [tag for expression in chart.multiline.tag for tag in every
                   if re.match(expression, tag)]
        if chart.multiline.tag and not matched and "crossover" not in title:
            sys.exit(f"{what}: matches no scalar")
    return charts


def check_purged(directory, runs, step, last):
    """What the interrupted process wrote of `step` and later is gone: nothing is there twice, neither
    for the reader that scripts use nor for the server, which purges by rules of its own."""
    for run, events in runs.items():
        for tag in events.Tags()["scalars"]:
            steps = [at for at, _ in scalars(events, tag)]
            equal(f"{run}, {tag}: each step once, in order", steps, sorted(set(steps)))
            if steps[-1] > last:
                sys.exit(f"{run}, {tag}: a step {steps[-1]} after {step} is left")
        server = ServerAccumulator(os.path.join(directory, run))
        server.Reload()
        for tag in events.Tags()["scalars"]:
            equal(f"{run}, {tag}: the server's steps", [event.step for event in server.Tensors(tag)],
                  [at for at, _ in scalars(events, tag)])


def check_example(directory):
    runs = load(directory)
    policy, detail = runs["policy"], runs["detail/policy"]

    # Steps 5 to 9 of the first file were written again by a resumed run that ended at 7.
    check_purged(directory, runs, 5, 7)
    expect = [(s, s / 16) for s in range(5)] + [(s, 1 + s / 16) for s in range(5, 8)]
    equal("reward", scalars(policy, "Watch/1 reward"), expect)
    equal("clip ratio", scalars(detail, "train/clip_ratio/low_mean"), expect)
    equal("base", scalars(runs["base"], "Watch/3 pass@256")[0][0], 7)

    equal("recipe", texts(policy, "recipe"),
          [(0, '# recipe\n\n    seed = 1\n    name = "ümlaut <b>"\n')])
    ((step, page),) = texts(policy, "samples/countdown")
    equal("samples: step", step, 7)
    html = markdown_to_safe_html(page)
    # One row of three cells, whatever the completions say, and nothing of theirs is markup.
    equal("samples: cells", (html.count("<tr>"), html.count("<td>")), (2, 3))
    for markup in ("<img", "<a ", "<h1", "<code"):
        if markup in html:
            sys.exit(f"samples: {markup} got through: {html}")

    for run, tag, value in [
        ("base", "Watch/2 pass@1", 0.092),
        ("policy", "Watch/3 pass@256", 0.625),
        ("policy", "Watch/4 never solved again", 35.0),
        ("policy", "Watch/5 newly solved", 0.0),
    ]:
        ((step, got),) = scalars(runs[run], tag)
        equal(f"{tag}: step", step, 7)
        close(tag, got, value)
    for run, tag, value in [
        ("base", "pass@1", 0.092),
        ("policy", "pass@256", 0.625),
        ("policy", "pass@256/ci_low", 0.555),
        ("policy", "delta/pass@1", 0.165),
        ("policy", "crossover_k", 16.0),
        ("policy", "solvable/never_solved_again", 35.0),
        ("policy", "delta_se", 0.7326),
        ("base", "entropy", 0.512),
        ("policy", "delta_anytime/pass@1/ci_low", 0.025),
        ("policy", "solvable/expected/lost_or_nearly", 32.5),
        ("base", "solvable/expected/lost_or_nearly", 1.5),
        ("policy", "solvable/excess/lost_or_nearly/ci_high", 33.0),
        ("policy", "support/srr", 0.656),
        ("policy", "ppl/base/wrong", 5.1),
        ("policy", "witness_mass", 0.05),
        ("policy", "outside_nucleus", 0.07),
        ("policy", "answer_entropy", 1.2),
        ("base", "entropy/q0.8", 1.1),
    ]:
        ((step, got),) = scalars(runs[f"detail/{run}"], f"boundary/countdown/{tag}")
        equal(f"{tag}: step", step, 7)
        close(tag, got, value)

    check_hparams(policy, {"algorithm": "grpo", "lr": 0.25})
    both = ("base", "policy")
    for side in both:
        ppl = [f"ppl/{of}/{kind}/problems" for of in both for kind in ("correct", "wrong")]
        of_policy = ["solvable/lost_or_nearly_probability", "solvable/new_or_nearly_probability"]
        expect = ppl + (of_policy if side == "policy" else [])
        equal(f"{side}: histograms", sorted(runs[f"detail/{side}"].Tags()["histograms"]),
              [f"boundary/countdown/{tag}" for tag in expect])
        equal(f"{side}: accuracies", runs[side].Tags()["histograms"],
              ["boundary/countdown/accuracy"])
    # Eight problems from 1.25 to 3: quarters, exact in any float.
    (event,) = runs["detail/base"].Histograms("boundary/countdown/ppl/policy/correct/problems")
    check_histogram("perplexity", event.histogram_value)
    equal("perplexity", (event.histogram_value.min, event.histogram_value.max), (1.25, 3.0))
    (event,) = detail.Histograms("boundary/countdown/solvable/lost_or_nearly_probability")
    check_histogram("P(lost or nearly)", event.histogram_value)
    equal("P(lost or nearly): problems", event.histogram_value.num, 96.0)

    charts = check_layout(runs)
    chart = charts["countdown: pass@k", "pass@256"]
    equal("layout: pass@256", [series.value for series in chart.margin.series],
          ["boundary/countdown/pass@256"])
    if ("countdown: solvable problems", "lost or nearly, beyond chance") not in charts:
        sys.exit(f"no chart of the excess among {sorted(charts)}")

    (event,) = policy.Histograms("boundary/countdown/accuracy")
    histogram = event.histogram_value
    check_histogram("policy accuracy", histogram)
    equal("policy accuracy: ends", (histogram.min, histogram.max), (0.0, 0.75))
    equal("policy accuracy: sums", (histogram.num, histogram.sum, histogram.sum_squares),
          (96.0, 36.0, 21.0))
    equal("policy accuracy: buckets", [n for n in histogram.bucket if n], [24.0] * 4)

    (image,) = policy.Images("boundary/countdown/pass_at_k")
    equal("picture: size", (image.width, image.height, image.step), (900, 600, 7))
    check_png("picture", image)


def check_hparams(events, expect=None):
    """The HParams tab has a session with settings and results that are scalars of this run."""
    contents = events.PluginTagToContent("hparams")
    experiment = metadata.parse_experiment_plugin_data(contents[metadata.EXPERIMENT_TAG])
    start = metadata.parse_session_start_info_plugin_data(contents[metadata.SESSION_START_INFO_TAG])
    metadata.parse_session_end_info_plugin_data(contents[metadata.SESSION_END_INFO_TAG])
    names = {info.name for info in experiment.hparam_infos}
    equal("hparams: names", names, set(start.hparams))
    values = {name: value.string_value or value.number_value
              for name, value in start.hparams.items()}
    for name, value in (expect or {}).items():
        equal(f"hparams: {name}", values[name], value)
    if expect is None:
        tags = events.Tags()["scalars"]
        for info in experiment.metric_infos:
            if info.name.tag not in tags:
                sys.exit(f"hparams: {info.name.tag} is no scalar")


def check_run(directory):
    """What every run with a probe has, whatever its figures."""
    runs = load(directory)
    policy, tags = runs["policy"], runs["policy"].Tags()
    for tag in ["Watch/1 reward", "Watch/6 entropy", "train/step_time", "actor/pg_loss", "actor/lr"]:
        if tag not in tags["scalars"]:
            sys.exit(f"{tag}: missing")
    for run, events in runs.items():
        for tag in events.Tags()["scalars"]:
            steps = [step for step, _ in scalars(events, tag)]
            equal(f"{run}, {tag}: each step once, in order", steps, sorted(set(steps)))
    for tag in tags["scalars"]:
        if tag.startswith("Watch/") and not any(tag.startswith(name) for name in WATCHED):
            sys.exit(f"{tag}: watched, and not documented")
    if len(tags["scalars"]) > MOST_TAGS:
        sys.exit(f"{len(tags['scalars'])} scalars in the run that is looked at: {tags['scalars']}")
    for run in ("base", "policy"):
        for tag in runs[run].Tags()["scalars"]:
            if tag.startswith("boundary/") or "/ci_" in tag:
                sys.exit(f"{tag}: a detail in {run}")
    for tag in ("Watch/2 pass@1", "Watch/3 pass@"):
        for run in ("base", "policy"):
            if not any(name.startswith(tag) for name in runs[run].Tags()["scalars"]):
                sys.exit(f"{tag}: not in {run}")
    check_layout(runs)
    check_hparams(policy)
    if not texts(policy, "recipe")[0][1]:
        sys.exit("no text summary holds the recipe")
    pages = [tag for tag in policy.PluginTagToContent("text") if tag.startswith("samples/")]
    if not pages or not all("<table>" in markdown_to_safe_html(page)
                            for tag in pages for _, page in texts(policy, tag)):
        sys.exit(f"no table of samples among {pages}")
    for ending, kind in [("/pass_at_k", "images"), ("/accuracy", "histograms")]:
        if not any(tag.startswith("boundary/") and tag.endswith(ending) for tag in tags[kind]):
            sys.exit(f"no boundary/…{ending} among the {kind}")
    for tag in tags["images"]:
        for image in policy.Images(tag):
            check_png(tag, image)
    for events in runs.values():
        for tag in events.Tags()["histograms"]:
            for event in events.Histograms(tag):
                check_histogram(tag, event.histogram_value)
    for run in ("detail/base", "detail/policy"):
        events = runs[run]
        pass_at_k = [tag for tag in events.Tags()["scalars"]
                     if "/pass@" in tag and "/ci_" not in tag]
        if not pass_at_k:
            sys.exit(f"{run}: no boundary/…/pass@k")
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
