"""What two folders have in common and what differs, kind by kind."""

import json
import re
import struct
import subprocess
from pathlib import Path

import pages

# The clock stands in their content or their name: seconds of steps, event files of TensorBoard, progress.
# Locks are empty, and `input` is what both were given.
SKIPPED_FOLDERS = {"tensorboard", "logs", "stderr", "input"}
SKIPPED_FILES = {"timing.jsonl", "lock", ".lock"}
# Differences of one kind that are told one by one.
MOST = 8


def kind(path):
    """The kind of a file, by its place in the folder of a case."""
    parts, name = path.parts, path.name
    if parts[:2] == ("cache", "ledgers"):
        return "stored draws"
    if parts[:2] == ("cache", "bases"):
        return "bases"
    if parts[0] == "stdout":
        return "standard output"
    if "checkpoints" in parts:
        return "checkpoints"
    if name == "recipe.toml" or parts[-2:-1] == ("recipes",):
        return "recipe.toml"
    endings = {".draws.jsonl.zst": "draws", ".png": "pictures", ".html": "pages", ".csv": "tables",
               ".md": "tables", "ablation.json": "tables"}
    if "boundary" in parts and name.endswith(".json"):
        return "boundary figures"
    return next((of for ending, of in endings.items() if name.endswith(ending)), name)


def folders(a, b, keys_may_differ):
    """For each kind of file: its name, what was compared in words, and the differences."""
    sides = [listed(a), listed(b)]
    found = []
    for of in sorted({kind(path) for side in sides for path in side}):
        ours = [[path for path in side if kind(path) == of] for side in sides]
        if keys_may_differ and of in ("stored draws", "bases"):
            differences = by_content(of, [[root / path for path in side] for root, side in zip((a, b), ours)])
        else:
            differences = by_name(a, b, *ours, keys_may_differ)
        if len(differences) > MOST:
            more = len(differences) - MOST
            differences = differences[:MOST] + [f"{of}: {more} more differ"]
        found.append((of, counted(a, ours[0]), differences))
    return found


def listed(root):
    paths = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(path for path in paths
                  if not SKIPPED_FOLDERS & set(path.parts[:-1]) and path.name not in SKIPPED_FILES)


def counted(root, paths):
    text = f"{len(paths)} file{'s' * (len(paths) != 1)}"
    if paths and all(path.suffix == ".jsonl" for path in paths):
        text += f", {sum((root / path).read_bytes().count(10) for path in paths)} lines"
    return text


def by_name(a, b, ours, theirs, keys_may_differ):
    only = [f"{short(path)}: only the first has it" for path in ours if path not in set(theirs)]
    only += [f"{short(path)}: only the second has it" for path in theirs if path not in set(ours)]
    both = [path for path in ours if path in set(theirs)]
    told = ((path, difference(a / path, b / path, keys_may_differ)) for path in both)
    return only + [f"{short(path)}: {what}" for path, what in told if what]


def by_content(of, sides):
    """Files of folders that are named after keys: each must have one of the same content on the other
    side. What has none is told beside the one that is most like it."""
    if of == "bases":
        sides = [[path for path in side if path.name == "model.safetensors"] for side in sides]
    contents = [{path: without_key(path) for path in side} for side in sides]
    left = [sorted(content, key=content.get) for content in contents]
    for path in list(left[0]):
        twin = next((other for other in left[1] if contents[1][other] == contents[0][path]), None)
        if twin:
            left[0].remove(path)
            left[1].remove(twin)
    told = []
    for path in left[0]:
        def alike(other, lines=contents[0][path]):
            return sum(x == y for x, y in zip(lines, contents[1][other]))
        like = max(left[1], key=alike, default=None)
        if like is None:
            told.append(f"{short(path)}: the second has none like it")
        else:
            left[1].remove(like)
            told.append(f"{short(path)}: {difference(path, like, True)}")
    return told + [f"{short(path)}: the first has none like it" for path in left[1]]


def short(path):
    """A path from the folder of its case on, hashes cut short."""
    parts = path.parts[path.parts.index("cache"):] if "cache" in path.parts else path.parts
    return re.sub(r"([0-9a-f]{12})[0-9a-f]{20,}", r"\1…", "/".join(parts))


def without_key(path):
    """The lines of a ledger that hold draws and problems; of any other file, all."""
    if path.suffix != ".zst":
        return [path.read_bytes()]
    lines = unpacked(path).splitlines()
    return [line for line in lines if json.loads(line)["kind"] not in ("header", "end")]


def difference(a, b, keys_may_differ):
    """The first difference of two files in words; `None` if there is none."""
    before, after = a.read_bytes(), b.read_bytes()
    if before == after:
        return None
    if a.suffix == ".zst":
        if keys_may_differ:
            before, after = without_key(a), without_key(b)
            return None if before == after else of_lines(before, after, "draw line")
        before, after = unpacked(a).splitlines(), unpacked(b).splitlines()
        # Compressed bytes may be others where the compressor is another; what is in them counts.
        return None if before == after else of_lines(before, after, "line")
    if a.suffix == ".safetensors":
        return of_tensors(before, after)
    if a.suffix == ".html":
        before, after = pages.shown(before.decode()), pages.shown(after.decode())
        return None if before == after else of_lines([str(e) for e in before], [str(e) for e in after], "element")
    if a.suffix == ".json":
        return of_json(json.loads(before), json.loads(after)) or of_bytes(before, after)
    try:
        return of_lines(before.decode().splitlines(), after.decode().splitlines(), "line")
    except UnicodeDecodeError:
        return of_bytes(before, after)


def unpacked(path):
    return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout


def of_lines(a, b, word):
    for number, (x, y) in enumerate(zip(a, b), 1):
        if x != y:
            try:
                what = of_json(json.loads(x), json.loads(y))
            except ValueError:
                what = None
            return f"{word} {number}: {what or of_text(x, y)}"
    return f"{len(a)} {word}s and {len(b)}" if len(a) != len(b) else "other ends of lines"


def of_json(a, b, at=""):
    """The first key whose values differ, with both."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in [*a, *(key for key in b if key not in a)]:
            if key not in a or key not in b:
                return f"{at}{key}: only the {'first' if key in a else 'second'} has it"
            what = of_json(a[key], b[key], f"{at}{key}.")
            if what:
                return what
        return None if list(a) == list(b) else f"{at or 'the object'}: other order of keys"
    if isinstance(a, list) and isinstance(b, list):
        for index, (x, y) in enumerate(zip(a, b)):
            what = of_json(x, y, f"{at}{index}.")
            if what:
                return what
        return None if len(a) == len(b) else f"{at[:-1]}: {len(a)} values and {len(b)}"
    # As they are written, so that 1 and 1.0 differ, and NaN is NaN.
    x, y = json.dumps(a), json.dumps(b)
    return None if x == y else f"{at[:-1]}: {shown(x)} against {shown(y)}"


def of_text(a, b):
    """Two lines from a little before where they part."""
    if isinstance(a, bytes):
        a, b = a.decode(errors="replace"), b.decode(errors="replace")
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    start = max(0, at - 24)
    return f"column {at + 1}: {shown(a[start:])!r} against {shown(b[start:])!r}"


def shown(text):
    return text if len(text) <= 60 else text[:57] + "..."


def of_bytes(a, b):
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"byte {at} differs; {len(a)} bytes and {len(b)}"


def of_tensors(a, b):
    """The first tensor that differs, in the order of the file, and by how many of its values."""
    (names, data), (others, more) = tensors(a), tensors(b)
    if names != others:
        return of_json(names, others) or of_bytes(a, b)
    for name, about in names.items():
        if name == "__metadata__":
            continue
        start, end = about["data_offsets"]
        x, y = data[start:end], more[start:end]
        if x != y and about["dtype"] == "F32":
            pairs = list(zip(struct.iter_unpack("<f", x), struct.iter_unpack("<f", y)))
            apart = [(index, p[0], q[0]) for index, (p, q) in enumerate(pairs)
                     if struct.pack("<f", *p) != struct.pack("<f", *q)]
            index, p, q = apart[0]
            return f"{name}: {len(apart)} of {len(pairs)} values differ, the first at {index}: {p!r} against {q!r}"
        if x != y:
            return f"{name}: {of_bytes(x, y)}"
    return of_bytes(a, b)


def tensors(content):
    """The header of a safetensors file, and what follows it."""
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8:8 + length]), content[8 + length:]
