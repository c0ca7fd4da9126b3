"""A bourn binary in a folder of its own, and what is said about what it did."""

import json
import os
import subprocess


class Failed(Exception):
    """What could not be run, or did not do what it is there for."""


class Bourn:
    def __init__(self, binary, place):
        self.binary, self.place, self.count = binary, place, 0
        for name in ("stdout", "stderr"):
            (place / name).mkdir()
        # A cache of its own, in the folder; nothing of the user's but where the machine's things are.
        own = {key: value for key, value in os.environ.items() if not key.startswith("BOURN_")}
        self.environment = own | {"BOURN_CACHE": "cache", "NO_COLOR": "1"}

    def __call__(self, *args, stdin="", name=None):
        """Runs it, keeps its standard output for the comparison, and returns it."""
        args = [str(arg) for arg in args]
        self.count += 1
        name = f"{self.count:03} {name or args[0]}"
        done = subprocess.run([self.binary, *args], cwd=self.place, env=self.environment,
                              input=stdin.encode(), capture_output=True, check=False)
        (self.place / "stdout" / name).write_bytes(done.stdout)
        (self.place / "stderr" / name).write_bytes(done.stderr)
        if done.returncode != 0:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
            raise Failed(f"bourn {' '.join(args)} ended with {done.returncode}:\n" + "\n".join(last))
        if not done.stdout:
            raise Failed(f"bourn {' '.join(args)} printed nothing")
        return done.stdout.decode()

    def quietly(self, *args):
        """Standard output of a command that is asked, not compared."""
        done = subprocess.run([self.binary, *args], cwd=self.place, env=self.environment,
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise Failed(f"bourn {' '.join(args)}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def train(self, run, recipe, *sets, more=()):
        """A run of `recipe` with these keys set."""
        overrides = [part for key in sets for part in ("--set", key)]
        return self("train", recipe, "--run-dir", run, *overrides, *more, name=f"train {run}")

    def reaches(self, run, *tags):
        """Fails unless the run's metrics have a value other than 0 for each tag: a run that is there
        for something that it never does compares nothing."""
        lines = (self.place / run / "metrics.jsonl").read_text().splitlines()
        metrics = [json.loads(line) for line in lines]
        for tag in tags:
            if not any(line.get(tag) for line in metrics):
                raise Failed(f"{run}: {tag} is 0 or absent in every step; the run tests nothing")

    def write(self, name, text):
        """A file of the case's own."""
        (self.place / name).write_text(text)
