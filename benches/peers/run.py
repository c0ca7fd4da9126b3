#!/usr/bin/env python3
"""Holds bourn against other trainers and engines on the CPU, in turn, on the same work.

    python3 benches/peers/run.py [--quick] [--only WORD] [--gsm8k train.jsonl]

Makes a virtual environment with pinned peers under --work, models and prompts that both sides read,
and runs bourn and the peer A B A B. Prints a table, and writes it as Markdown and JSON. What could
not be installed or did not run is in the table with its reason. Needs Python 3.11, a release build
(`cargo build --release --workspace`) and a registry for the first run. benches/README.md says what is
compared with what.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cases
import environment
import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--work", type=Path, default=ROOT / "target/peers",
                        help="environment, models, prompts, runs, results")
    parser.add_argument("--bin", type=Path, default=ROOT / "target/release",
                        help="where `bourn` and `bourn-bench` are")
    parser.add_argument("--threads", type=int, default=2, help="of either side")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of each comparison")
    parser.add_argument("--quick", action="store_true",
                        help="tiny sizes, one pair: to see that everything runs, not to measure")
    parser.add_argument("--only", action="append", default=[], metavar="WORD",
                        help="cases whose name holds WORD; may be repeated")
    parser.add_argument("--peers", default="torch,trl,llama-cpp,vllm",
                        help="which to hold bourn against")
    parser.add_argument("--gsm8k", type=Path, metavar="JSONL",
                        help="GSM8K's training file; without it SmolLM2's real cases are left out")
    parser.add_argument("--retry", action="store_true", help="try failed installations again")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    return parser.parse_args()


class Runner:
    """Runs one side of a measure as a child, with the threads of the comparison."""

    def __init__(self, args, log):
        self.log = log
        self.environment = {
            **os.environ,
            "BOURN_CACHE": str(args.work / "cache"),
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": str(args.work / "hf"),
            "TOKENIZERS_PARALLELISM": "false",
            "TRL_EXPERIMENTAL_SILENCE": "1",
            # No accelerator, whatever the machine has: both sides are measured on its processor.
            "CUDA_VISIBLE_DEVICES": "",
            "NO_COLOR": "1",
        }
        # Some hosts pin an older core for OpenBLAS, which would slow the peer.
        for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            self.environment.pop(name, None)
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                     "RAYON_NUM_THREADS", "VLLM_CPU_NUM_THREADS"):
            self.environment[name] = str(args.threads)

    def run(self, argv):
        """(standard output, seconds of the clock, peak memory in bytes); a failure raises."""
        argv = [str(word) for word in argv]
        self.log.write(f"\n$ {' '.join(argv)}\n")
        self.log.flush()
        start = time.perf_counter()
        child = subprocess.Popen(argv, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        # Peak memory of this child alone comes with waiting for it. Its standard error goes to a
        # pipe that is read on the side, so that neither pipe can fill up and stop it.
        errors = []
        reader = threading.Thread(target=lambda: errors.append(child.stderr.read()))
        reader.start()
        out = child.stdout.read()
        reader.join()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        self.log.write(errors[0])
        if child.returncode != 0:
            last = [line for line in errors[0].splitlines() if line.strip()][-1:] or ["no message"]
            raise Failed(f"exit code {child.returncode}: {last[0].strip()[:300]}")
        # Linux counts ru_maxrss in kilobytes, macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        return out, seconds, usage.ru_maxrss * unit

    def json(self, argv):
        """The child's last line as JSON, with its peak memory."""
        out, _, peak = self.run(argv)
        result = json.loads(out.strip().splitlines()[-1])
        return {**result, "peak_bytes": peak}


class Failed(Exception):
    """A child that did not do its work."""


def measure(case, peer, runner, repeats):
    """Runs the two sides in turn; each pair gives a ratio."""
    pairs = []
    for _ in range(repeats):
        ours = runner_result(case.bourn, runner)
        theirs = runner_result(peer.run, runner)
        pairs.append((ours, theirs))
    return pairs


def runner_result(side, runner):
    result = side(runner)
    if not result["seconds"]:
        raise Failed("it timed nothing")
    return result


def main():
    args = arguments()
    if args.quick:
        args.repeats = 1
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    for name in ("bourn", "bourn-bench"):
        if not (args.bin / name).exists():
            sys.exit(f"{args.bin / name} is not there: cargo build --release --workspace")
    wanted = [word.strip() for word in args.peers.split(",") if word.strip()]
    unknown = sorted(set(wanted) - set(environment.PEERS))
    if unknown:
        sys.exit(f"--peers {','.join(unknown)}: there are {', '.join(environment.PEERS)}")

    if args.list:
        print("\n".join(case.name for case in cases.all_cases(args, None)))
        return
    env = environment.prepare(args.work, wanted, args.retry)
    with (args.work / "run.log").open("w") as log:
        runner = Runner(args, log)
        try:
            inputs = cases.Inputs(args, env, runner)
        except Failed as error:
            sys.exit(f"the models could not be made: {error}; see {args.work / 'run.log'}")
        results = report.Report(args, env)
        results.peak(cases.gemm_peak(env, runner, args))
        chosen = [case for case in cases.all_cases(args, inputs)
                  if not args.only or any(word in case.name for word in args.only)]
        for case in chosen:
            for peer in case.peers:
                if peer.name not in wanted:
                    continue
                reason = case.missing or env.why_not(peer.name)
                if reason is None:
                    print(f"{case.name}: bourn and {peer.name}", file=sys.stderr, flush=True)
                    try:
                        results.add(case, peer, measure(case, peer, runner, args.repeats))
                        results.write(args.work, say=False)
                        continue
                    except (Failed, ValueError, KeyError, OSError) as error:
                        reason = f"{type(error).__name__}: {error}"
                results.failed(case, peer, reason)
        if not args.only or any("alone" in word for word in args.only):
            for name, target, run in cases.alone(args, inputs):
                print(f"{name}: bourn", file=sys.stderr, flush=True)
                try:
                    results.alone(name, target, run(runner))
                except (Failed, ValueError, KeyError, OSError) as error:
                    results.alone_failed(name, target, f"{type(error).__name__}: {error}")
        # The peak again: the two differ by what the machine did meanwhile.
        results.peak(cases.gemm_peak(env, runner, args))
    results.write(args.work)
    sys.exit(results.exit_code())


if __name__ == "__main__":
    main()
