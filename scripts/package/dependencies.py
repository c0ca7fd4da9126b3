#!/usr/bin/env python3
"""Writes down what is inside the binary: a bill of materials, and the licences of others.

    python scripts/package/dependencies.py TARGET BOM.cdx.json LICENCES.txt

TARGET is what the binary is built for. The bill (CycloneDX 1.6) has each package that is linked, and
those that only the build runs with scope "excluded", with their checksums from Cargo.lock. The
licences are every licence text that the linked packages carry, each once. Both are functions of
Cargo.lock and SOURCE_DATE_EPOCH. Needs cargo and scripts/package/requirements.txt.
"""

import json
import os
import subprocess
import sys
import tomllib
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parent.parent.parent
# As packages spell the files of their licences, and those of what they carry in C.
NAMES = ("license", "licence", "copying", "copyright", "notice", "unlicense")


class Package(NamedTuple):
    name: str
    version: str


def cargo(*arguments):
    run = subprocess.run(["cargo", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit(f"dependencies: cargo {arguments[0]} failed; is Cargo.lock that of the manifests?")
    return run.stdout


def tree(target, edges):
    """Of `cargo tree`: package -> what it depends on, package -> licence, and the procedural macros.

    (`cargo metadata` would also list the optional dependencies of dependencies that no build of
    ours contains.)
    """
    lines = cargo("tree", "--locked", "--package", "bourn-cli", "--target", target, "--edges", edges,
                  "--prefix", "depth", "--format", "|{p}|{l}").splitlines()
    graph, licences, macros, path = {}, {}, set(), []
    for line in lines:
        depth, what, licence = line.removesuffix(" (*)").split("|")
        name, version = what.split(" ")[:2]
        package = Package(name, version.removeprefix("v"))
        graph.setdefault(package, set())
        licences[package] = licence.replace("/", " OR ")
        if "(proc-macro)" in what:
            macros.add(package)
        path[int(depth):] = [package]
        if len(path) > 1:
            graph[path[-2]].add(package)
    return graph, licences, macros, path[0]


def linked(target):
    """The packages whose code is in the binary: what procedural macros need is not."""
    graph, _, macros, root = tree(target, "normal")
    found, ahead = set(), [root]
    while ahead:
        package = ahead.pop()
        if package not in found and package not in macros:
            found.add(package)
            ahead += graph[package]
    return found


def write_bill(target, inside, path):
    graph, licences, _, root = tree(target, "normal,build")
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    sums = {Package(p["name"], p["version"]): p["checksum"] for p in lock if "checksum" in p}

    def component(package):
        purl = PackageURL("cargo", name=package.name, version=package.version)
        digest = sums.get(package)
        return Component(
            type=ComponentType.APPLICATION if package == root else ComponentType.LIBRARY,
            name="bourn" if package == root else package.name, version=package.version,
            bom_ref=str(purl), purl=purl if digest else None,
            scope=ComponentScope.REQUIRED if package in inside else ComponentScope.EXCLUDED,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else None,
            licenses=[LicenseExpression(licences[package])])

    components = {package: component(package) for package in graph}
    when = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), timezone.utc)
    # A bill needs a number of its own: of what it lists, so that the same bill has the same one.
    number = uuid.uuid5(uuid.NAMESPACE_OID, f"{target} {when} {sorted(graph)}")
    bom = Bom(serial_number=number, metadata=BomMetaData(component=components[root], timestamp=when),
              components=[part for package, part in components.items() if package != root])
    for package, needs in graph.items():
        bom.register_dependency(components[package], [components[need] for need in needs])
    # The writer leaves the order of keys and lists to the objects; here it is the alphabet's.
    text = json.dumps(json.loads(JsonV1Dot6(bom).output_as_string()), indent=1, sort_keys=True)
    path.write_text(text + "\n")


def write_licences(target, inside, path):
    _, licences, _, _ = tree(target, "normal")
    described = json.loads(cargo("metadata", "--locked", "--format-version", "1",
                                 "--filter-platform", target))["packages"]
    texts, without, foreign = {}, [], []
    for described_package in described:
        package = Package(described_package["name"], described_package["version"])
        if package not in inside or described_package["source"] is None:
            continue
        foreign.append(package)
        folder = Path(described_package["manifest_path"]).parent
        files = [file for file in folder.rglob("*")
                 if file.is_file() and file.name.lower().startswith(NAMES)
                 and file.suffix.lower() not in (".rs", ".py", ".json", ".toml")]
        for file in files:
            text = "\n".join(line.rstrip() for line in file.read_text(errors="replace").splitlines())
            texts.setdefault(text.strip("\n"), set()).add(package)
        if not files:
            without.append(package)

    def several(packages):
        return "".join(f"  {p.name} {p.version} ({licences[p]})\n" for p in sorted(packages))

    rule = "\n" + "=" * 80 + "\n"
    parts = ["What bourn's binary contains of others, and on what terms (SPDX):\n\n" + several(foreign)
             + "\nand Rust's standard library (MIT OR Apache-2.0), https://www.rust-lang.org.\n"]
    if without:
        parts.append("These packages name their licence and carry no text of it:\n\n" + several(without))
    parts += sorted(several(packages) + "\n" + text + "\n" for text, packages in texts.items())
    path.write_text(rule.join(parts))


def main():
    if len(sys.argv) != 4 or "SOURCE_DATE_EPOCH" not in os.environ:
        sys.exit(__doc__ + "\nSOURCE_DATE_EPOCH must be set: the seconds of the commit.")
    target, bill, texts = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    inside = linked(target)
    write_bill(target, inside, bill)
    write_licences(target, inside, texts)


if __name__ == "__main__":
    main()
