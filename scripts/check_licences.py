#!/usr/bin/env python3
"""Holds the dependencies against deny.toml, offline: licences, bans and sources.

    python scripts/check_licences.py

Licences and bans are those of what is built: `cargo tree` with the default features, build and
test dependencies included, on every platform. (`cargo metadata` would also list the optional
dependencies of dependencies that no build of ours contains.) Sources are those of every package in
Cargo.lock. Needs Python 3.11 and cargo. Exit code 0 only if nothing is out of line.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ["cargo", "tree", "--locked", "--workspace", "--target", "all",
        "--edges", "normal,build,dev", "--prefix", "none", "--no-dedupe", "--format", "{p}\t{l}"]


def packages():
    """(name, version, licence expression) of everything that is built."""
    lines = subprocess.run(TREE, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found = set()
    for line in filter(None, lines.splitlines()):
        package, licence = line.split("\t")
        name, version = package.split(" ")[:2]
        found.add((name, version.removeprefix("v"), licence))
    return sorted(found)


def allowed(expression, allow):
    """Whether an SPDX expression can be met with the licences of `allow`.

    `AND` binds closer than `OR`; the slash of old manifests is an `OR`.
    """
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def alternatives():
        met = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = conjunction() or met
        return met

    def conjunction():
        met = one()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = one() and met
        return met

    def one():
        token = tokens.pop(0)
        if token == "(":
            met = alternatives()
            tokens.pop(0)
            return met
        if tokens and tokens[0] == "WITH":
            token = f"{token} WITH {tokens[1]}"
            del tokens[:2]
        return token in allow

    return alternatives()


def check(expression, expect):
    found = allowed(expression, {"MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"})
    if found != expect:
        sys.exit(f"check_licences: {expression}: read as {found}")


def check_reader():
    check("MIT", True)
    check("GPL-3.0", False)
    check("MIT OR GPL-3.0", True)
    check("GPL-3.0/MIT", True)
    check("MIT AND GPL-3.0", False)
    check("MIT OR Apache-2.0 AND GPL-3.0", True)
    check("(MIT OR Apache-2.0) AND GPL-3.0", False)
    check("GPL-3.0 WITH LLVM-exception", False)
    check("Apache-2.0 WITH LLVM-exception", True)


def main():
    check_reader()
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    allow = set(rules["licenses"]["allow"])
    exceptions = {rule["crate"]: set(rule["allow"]) for rule in rules["licenses"]["exceptions"]}
    banned = {rule["crate"]: rule["reason"] for rule in rules["bans"]["deny"]}
    sources = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}

    wrong = []
    built = packages()
    for name, version, licence in built:
        if not licence:
            wrong.append(f"{name} {version} states no licence")
        elif not allowed(licence, allow | exceptions.get(name, set())):
            wrong.append(f"{name} {version} is under {licence}, which deny.toml does not allow")
        if name in banned:
            wrong.append(f"{name} {version} is banned: {banned[name]}")
    names = {name for name, _, _ in built}
    wrong += [f"deny.toml has an exception for {name}, which nothing uses any more"
              for name in sorted(set(exceptions) - names)]
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    wrong += [f"{p['name']} {p['version']} comes from {p['source']}"
              for p in lock if "source" in p and p["source"] not in sources]
    if wrong:
        sys.exit("check_licences: " + "\n".join(wrong))
    print(f"{len(built)} packages are built, all under licences that deny.toml allows; "
          f"{len(lock)} are locked, all from its registries")


if __name__ == "__main__":
    main()
