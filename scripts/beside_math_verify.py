#!/usr/bin/env python3
r"""The math verifier beside `math-verify` (PyPI), on the references of a data set.

    pip install math-verify
    cargo build --release -p bourn-verify --example verdicts
    python3 scripts/beside_math_verify.py --verdicts target/release/examples/verdicts \
        --out disagreements.md math500.jsonl train.json

Each file is JSON lines or one JSON array of objects with an `answer`. Every reference is held against

- itself, rewritten by rules that keep its meaning: these pairs are equal;
- itself, changed so that it means something else: these are not;
- other references, drawn with a seed: whether those are equal is not known beforehand. What both
  verifiers say counts as true; where they differ, the pair counts for neither, and is listed.

Both verifiers see the same two texts; math-verify sees them in a `\boxed{}`, where it looks first. What is
printed is markdown: how often each is right, with Wilson's 95% intervals. Every pair on which they
differ or both are wrong is written to `--out`.
"""

import argparse
import collections
import hashlib
import json
import math
import os
import random
import re
import subprocess
import sys

INTEGER = re.compile(r"-?\d+")
FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
SURD = re.compile(r"(-?)(\d*) ?\\sqrt\{(\d+)\}")
WORD = re.compile(r"\\text\{([A-Za-z]+)\}")


def grouped(digits, separator):
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", lambda _: separator, digits)


def split_top(text, separators):
    """The parts of `text` between `separators` that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for at, c in enumerate(text):
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif depth == 0 and c in separators:
            parts.append(text[start:at])
            start = at + 1
    return parts + [text[start:]]


def is_expression(text):
    """A sum without relations, words, brackets of a list, or spacing that a rule could break."""
    return not re.fullmatch(r"[A-Z]{2,}", text) and not re.search(r"text|mbox|,|=|\\le|\\in|\\cup|\\pm|begin|:|_|\\approx|;|[\[\]<>$%|]|circ", text)


def equal(text, rng):
    """Other ways of writing `text`, with the rule of each."""
    text = text.strip().rstrip(".")
    yield "as it is", text
    yield "in dollars", f"${text}$" if "$" not in text else text
    if "\\frac" in text:
        yield "display fractions", text.replace("\\frac", "\\dfrac")
    if "\\dfrac" in text or "\\tfrac" in text:
        yield "plain fractions", text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    if "\\left" in text:
        yield "brackets of fixed size", text.replace("\\left", "").replace("\\right", "")
    elif re.fullmatch(r"[(\[].*[)\]]", text) and "cup" not in text and ")(" not in text.replace(" ", ""):
        yield "brackets that grow", rf"\left{text[0]}{text[1:-1]}\right{text[-1]}"
    if "\\pi" in text:
        yield "the letter π", text.replace("\\pi", "π")
    if re.search(r"[-+]", text) and "text" not in text and "mbox" not in text and "begin" not in text:
        yield "spaces round signs", re.sub(r" *([-+]) *", r" \1 ", text).strip()
        yield "no spaces", re.sub(r" *([-+=,]) *", r"\1", text)
    if re.fullmatch(INTEGER, text):
        n = int(text)
        yield "a decimal", f"{n}.0"
        yield "a fraction", rf"\frac{{{2 * n}}}{{2}}"
        yield "a sum", f"{n - 3}+3"
        yield "a product", rf"{n} \cdot 1"
        yield "a unit", rf"{n}\text{{ cm}}"
        if abs(n) >= 10000 or abs(n) >= 1000 and rng.random() < 0.5:
            sign, digits = ("-", text[1:]) if n < 0 else ("", text)
            for name, mark in (("commas", ","), ("braced commas", "{,}"), ("thin spaces", r"\,"), ("negative thin spaces", r",\!")):
                yield name, sign + grouped(digits, mark)
        if n > 1 and math.isqrt(n) ** 2 == n:
            yield "a power", f"{math.isqrt(n)}^2"
        yield "a root", (rf"\sqrt{{{n * n}}}" if n >= 0 else rf"-\sqrt{{{n * n}}}")
        yield "a name before it", f"x = {n}"
    if found := re.fullmatch(FRACTION, text):
        sign, top, bottom = found[1], int(found[2]), int(found[3])
        yield "a slash", f"{sign}{top}/{bottom}"
        yield "not in lowest terms", rf"{sign}\frac{{{3 * top}}}{{{3 * bottom}}}"
        if sign:
            yield "the sign above", rf"\frac{{-{top}}}{{{bottom}}}"
            yield "the sign below", rf"\frac{{{top}}}{{-{bottom}}}"
        if top < 10 and bottom < 10:
            yield "without braces", rf"{sign}\frac{top}{bottom}"
        rest = bottom
        for prime in (2, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1 and bottom < 10000:
            yield "a decimal", sign + f"{top / bottom:.12f}".rstrip("0").rstrip(".")
        if top > bottom and top % bottom:
            yield "a mixed number", rf"{sign}{top // bottom}\frac{{{top % bottom}}}{{{bottom}}}"
        yield "a product", rf"{sign}{top} \cdot \frac{{1}}{{{bottom}}}"
    if found := re.fullmatch(SURD, text):
        sign, factor, inside = found[1], int(found[2] or 1), int(found[3])
        yield "under one root", rf"{sign}\sqrt{{{factor * factor * inside}}}"
        yield "a power of a half", rf"{sign}{factor} \cdot {inside}^{{1/2}}"
        yield "a root below", rf"{sign}\frac{{{factor * inside}}}{{\sqrt{{{inside}}}}}"
        yield "the root first", rf"{sign}\sqrt{{{inside}}} \cdot {factor}"
    if is_expression(text):
        terms = re.split(r"(?<=[\w})]) *([-+]) *", text)
        whole = all(part.count("{") == part.count("}") and part.count("(") == part.count(")") for part in terms)
        if len(terms) == 3 and whole and not terms[0].startswith("-"):
            first, sign, second = terms
            yield "terms turned", (f"{second} + {first}" if sign == "+" else f"-{second} + {first}")
        if whole and not re.search(r"\d\\frac|\d \\frac", text):
            yield "in brackets", f"({text})"
            if len(text) > 1:
                yield "times one", rf"1 \cdot ({text})"
            yield "halves of twice", rf"\frac{{2 \cdot ({text})}}{{2}}"
    parts = [part.strip() for part in split_top(text, ",")]
    if len(parts) > 1 and "text" not in text and all(parts) and not re.search(r"\\!|\{,\}|=|\d,\d{3}", text):
        turned = parts[::-1]
        yield "a list turned", ", ".join(turned)
        yield "a set", r"\{" + ", ".join(parts) + r"\}"
        yield "a list with and", ", ".join(parts[:-1]) + r" \text{ and } " + parts[-1]
    if "\\cup" in text and "in" not in text.replace("\\infty", ""):
        yield "a union turned", " \\cup ".join(part.strip() for part in text.split("\\cup")[::-1])
        yield "membership", f"x \\in {text}"
    elif found := re.fullmatch(r"(\(|\[)([^,()]+),([^,()]+)(\)|\])", text):
        low, high = found[2].strip(), found[3].strip()
        letters = re.search(r"[a-z]", re.sub(r"\\[a-z]+", "", text))
        if (found[1], found[4]) in (("[", ")"), ("(", "]"), ("[", "]")) and "infty" not in text and not letters:
            less = {"[": "\\le", "(": "<", "]": "\\le", ")": "<"}
            yield "an inequality", f"{low} {less[found[1]]} x {less[found[4]]} {high}"
    if "pmatrix" in text:
        yield "square brackets", text.replace("pmatrix", "bmatrix")
    if found := re.fullmatch(r"([a-zA-Z]) ?= ?([^=]+)", text):
        yield "without its name", found[2]
        yield "sides turned", f"{found[2]} = {found[1]}"
    elif text.count("=") == 1 and "approx" not in text and "%" not in text and "," not in text:
        left, right = text.split("=")
        yield "sides turned", f"{right.strip()} = {left.strip()}"
        yield "twice", f"2({left.strip()}) = 2({right.strip()})"
    if found := re.fullmatch(r"(.*\S) ?\^\{?\\circ\}?", text):
        if not re.search(r"[,(]|\\(sin|cos|tan|csc|sec|cot)", text):
            yield "degrees in words", found[1] + r"\text{ degrees}"
            yield "without degrees", found[1]
            yield "the degree sign", found[1] + "°"
    if text.endswith("\\%") and "=" not in text:
        yield "without percent", text[:-2].strip()
        yield "a bare percent sign", text[:-2].strip() + "%"
    if found := re.fullmatch(r"(.*[\d}]) ?\\(?:text|mbox)\{[^}]*\}(?:\^2)?\.?", text):
        if "p.m" not in text and "\\text" not in found[1] and "text{A" not in text:
            yield "without its unit", found[1]
    if text.startswith("\\$") and "approx" not in text:
        yield "without currency", text[2:].strip()
        yield "in dollars, in words", text[2:].strip() + r"\text{ dollars}"
    if found := re.fullmatch(WORD, text):
        yield "bare words", found[1]
    if found := re.fullmatch(r"\\text\{\(([A-Z])\)\}", text):
        yield "a bare letter", found[1]
        yield "a letter in brackets", f"({found[1]})"
    if found := re.fullmatch(r"(\d+)_\{?(\d+)\}?", text):
        yield "a base in braces", f"{found[1]}_{{{found[2]}}}"
    if found := re.fullmatch(r"(-?)(\d+) ?\\frac\{(\d+)\}\{(\d+)\}", text):
        top = int(found[2]) * int(found[4]) + int(found[3])
        yield "an improper fraction", rf"{found[1]}\frac{{{top}}}{{{found[4]}}}"


def unequal(text, rng):
    """What is near `text` and means something else, with the change of each."""
    text = text.strip().rstrip(".")
    numerals = [m for m in re.finditer(r"(?<![\d.,!])\d+(?![\d.,]|\\!|\{,\})", text)]
    numerals = [m for m in numerals if "}^" not in text[: m.start()] or "{" in text[m.end() :]]
    if numerals and not re.search(r"\\text\{[A-Z]\d", text):
        at = rng.choice(numerals)
        changed = lambda n: text[: at.start()] + str(n) + text[at.end() :]
        n = int(at[0])
        # A numeral above a letter's exponent or below the line stays above zero.
        ratio = re.fullmatch(r"\d+ ?: ?\d+", text)
        base = text[: at.start()].rstrip("{").endswith("_")
        coefficient = "= 0" in text
        if not ratio and not base and not coefficient:
            yield "one more", changed(n + 1)
            if n and not text[: at.start()].endswith("sqrt["):
                yield "ten times", changed(10 * n)
        if len(at[0]) > 1 and at[0] != at[0][::-1] and at[0][::-1][0] != "0" and not base:
            if not ratio and not coefficient:
                yield "digits turned", changed(at[0][::-1])
        if len(at[0]) > 2 and not base and at[0][-1] != "0" and "=" not in text:
            yield "a digit cut", changed(at[0][:-1])
    if re.fullmatch(r"-?[\d.]+", text) and text not in ("0", "-0"):
        yield "the sign", text[1:] if text.startswith("-") else f"-{text}"
        yield "with a variable", f"{text}x"
        yield "with π", rf"{text}\pi"
        yield "a square", f"({text})^2" if text not in ("1", "-1", "0") and float(text) != 1 else f"{text}+1"
        yield "a list", f"{text}, {text}1"
    if re.search(r"\d\\sqrt|\d \\sqrt", text) and is_expression(text):
        yield "without its root", re.sub(r"\\sqrt\{?(\d+)\}?", r"\1", text)
    if "\\pi" in text and "frac" not in text and is_expression(text):
        yield "without π", text.replace("\\pi", "").strip() or "1"
    if found := re.fullmatch(FRACTION, text):
        if found[2] != found[3]:
            yield "upside down", rf"{found[1]}\frac{{{found[3]}}}{{{found[2]}}}"
        yield "only the numerator", found[1] + found[2] if found[3] != "1" and found[2] != "0" else "999"
        yield "the sign", (text[1:] if found[1] else f"-{text}")
        near = f"{int(found[2]) / int(found[3]):.2f}"
        if abs(float(near) - int(found[2]) / int(found[3])) > 1e-9:
            yield "two decimals", found[1] + near
    if "cup" in text:
        yield "half of a union", text.split("\\cup")[0].strip()
    if found := re.fullmatch(r"(\(|\[|\\left\(|\\left\[)(.*)(\)|\]|\\right\)|\\right\])", text):
        if "\\right" in found[2]:
            return
        inner = split_top(found[2], ",")
        if len(inner) == 2 and "cup" not in text and "infty" not in text:
            turned = {"(": "[", "[": "(", ")": "]", "]": ")"}
            yield "another bracket", found[1][:-1] + turned[found[1][-1]] + found[2] + found[3]
        if len(inner) > 1 and "cup" not in text and ")(" not in text.replace(" ", "") and inner[0].strip(" \\left([") != inner[1].strip(" \\right)]"):
            yield "members turned", found[1] + ", ".join([inner[1], inner[0], *inner[2:]]) + found[3]
            yield "a member less", found[1] + ", ".join(inner[:-1]) + found[3]
    parts = split_top(text, ",")
    if len(parts) > 1 and "text" not in text and not re.search(r"\\!|\{,\}", text):
        yield "a member less", ", ".join(part.strip() for part in parts[:-1])
        yield "a member more", text + ", 997"
    if "pmatrix" in text:
        rows = text.replace("\\begin{pmatrix}", "").replace("\\end{pmatrix}", "").strip().split("\\\\")
        if len(rows) > 1 and rows[0].strip() != rows[1].strip():
            rows[0], rows[1] = rows[1], rows[0]
            yield "rows turned", "\\begin{pmatrix}" + " \\\\ ".join(rows) + "\\end{pmatrix}"
    if found := re.fullmatch(r"\\text\{\(?([A-Z])\)?\}", text):
        yield "another letter", chr(ord(found[1]) + 1)
    if found := re.fullmatch(WORD, text):
        yield "another word", "\\text{" + found[1][::-1] + "x}"
    if found := re.fullmatch(r"(\d+)_\{?(\d+)\}?", text):
        yield "another base", f"{found[1]}_{{{int(found[2]) + 1}}}"
        if found[2] != "10":
            yield "without its base", found[1]
    if is_expression(text) and re.search(r"[a-z]", re.sub(r"\\[a-z]+", "", text)):
        yield "one more in all", f"{text}+1"
    if re.search(r"\d[-+]\d|i$", text) and is_expression(text) and "i" in text and "\\" not in text:
        yield "the conjugate", re.sub(r"([-+])(?=[ \d]*i)", lambda m: "-" if m[1] == "+" else "+", text)


def references(paths):
    found = {}  # in order, each once
    for path in paths:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        rows = json.loads(text) if text.lstrip().startswith("[") else map(json.loads, text.splitlines())
        for row in rows:
            if isinstance(row.get("answer"), str) and row["answer"].strip():
                found[row["answer"]] = None
    return list(found)


def pairs(golds, seed, plain, others):
    rng = random.Random(seed)
    integers = [gold for gold in golds if re.fullmatch(r"-?\d+", gold.strip())]
    kept = set(rng.sample(integers, min(plain, len(integers))))
    golds = [gold for gold in golds if gold not in set(integers) or gold in kept]
    made = []
    for gold in golds:
        seen = set()
        for kind, rules in (("equal", equal), ("unequal", unequal)):
            for rule, answer in rules(gold, rng):
                if (kind, answer) not in seen and (kind == "equal" or answer != gold):
                    seen.add((kind, answer))
                    made.append({"kind": kind, "rule": rule, "gold": gold, "answer": answer})
    shapes = collections.defaultdict(list)
    for gold in golds:
        shapes[re.sub(r"\d+|[a-z]", "", gold)[:12]].append(gold)
    for _ in range(others):
        gold = rng.choice(golds)
        near = shapes[re.sub(r"\d+|[a-z]", "", gold)[:12]]
        answer = rng.choice(near if rng.random() < 0.7 and len(near) > 1 else golds)
        if answer != gold:
            made.append({"kind": "other", "rule": "another reference", "gold": gold, "answer": answer})
    return made


def ours(program, made):
    lines = "\n".join(json.dumps({"gold": p["gold"], "answer": p["answer"]}) for p in made)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def theirs(made):
    import logging

    import math_verify

    logging.disable(logging.CRITICAL)
    read = {}

    def parsed(text):
        if text not in read:
            read[text] = math_verify.parse(f"\\boxed{{{text}}}", parsing_timeout=5)
        return read[text]

    said = []
    for at, pair in enumerate(made):
        if at % 1000 == 0:
            print(f"{at}/{len(made)}", file=sys.stderr)
        try:
            said.append(bool(math_verify.verify(parsed(pair["gold"]), parsed(pair["answer"]), timeout_seconds=5)))
        except Exception:
            said.append(False)
    return said


def kept(path, made):
    """math-verify's verdicts on these pairs, which take minutes, from a file if they are there."""
    key = hashlib.sha256(json.dumps(made).encode()).hexdigest()
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
        if stored["pairs"] == key:
            return stored["verdicts"]
    said = theirs(made)
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"pairs": key, "verdicts": said}, file)
    return said


def wilson(right, n, z=1.96):
    if n == 0:
        return "none"
    p = right / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return f"{100 * p:.2f}% ({100 * max(middle - half, 0):.2f} to {100 * min(middle + half, 1):.2f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--verdicts", required=True, help="the example `verdicts` of bourn-verify")
    parser.add_argument("--out", required=True, help="where all disagreements are written, as markdown")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", type=int, default=200, help="integers among the references that are kept")
    parser.add_argument("--others", type=int, default=4000, help="pairs of two references")
    parser.add_argument("--theirs", help="math-verify's verdicts: read if the file is there, else written")
    parser.add_argument("--only-ours", action="store_true", help="leave math-verify out")
    options = parser.parse_args()
    made = pairs(references(options.files), options.seed, options.plain, options.others)
    mine = ours(options.verdicts, made)
    other = [None] * len(made) if options.only_ours else kept(options.theirs, made)
    wrong = []
    count = collections.Counter()
    rules = collections.defaultdict(collections.Counter)
    for pair, said, their in zip(made, mine, other):
        my = said["verdict"] == "correct"
        truth = pair["kind"] == "equal"
        if pair["kind"] == "other":
            truth = my if options.only_ours or my == their else None
        if truth is None:
            count["unknown"] += 1
            wrong.append((pair, said, my, their, "?"))
            continue
        side = "equal" if truth else "unequal"
        count[side] += 1
        count[side, "ours"] += my == truth
        count[side, "theirs"] += their == truth
        count[side, "agree"] += my == their
        count["numeric"] += said.get("basis") == "numeric"
        rules[side, pair["rule"]].update(pairs=1, ours=my != truth, theirs=their != truth, differ=my != their)
        if my != truth or not options.only_ours and (their != truth or my != their):
            wrong.append((pair, said, my, their, truth))
    for side, name in (("equal", "right on equal pairs"), ("unequal", "right on unequal pairs")):
        n = count[side]
        print(f"| {name} | {n} | {wilson(count[side, 'ours'], n)} | {wilson(count[side, 'theirs'], n)} | {wilson(count[side, 'agree'], n)} |")
    print("\n| of two verdicts | pairs | bourn wrong | math-verify wrong |\n|---|---|---|---|")
    for side, rule in sorted(rules, key=lambda key: (key[0], -rules[key]["differ"], key[1])):
        of = rules[side, rule]
        if of["differ"]:
            print(f"| {side}: {rule} | {of['differ']} of {of['pairs']} | {of['ours']} | {of['theirs']} |")
    for side, name in (("equal", "false negatives"), ("unequal", "false positives")):
        n = count[side]
        cells = [f"{n - count[side, of]} of {n}: {wilson(n - count[side, of], n)}" for of in ("ours", "theirs")]
        print(f"| {name} | | {cells[0]} | {cells[1]} |")
    print(f"\nof two references, with two verdicts: {count['unknown']}")
    print(f"by seeded points: {count['numeric']} of {len(made)}")
    with open(options.out, "w", encoding="utf-8") as file:
        file.write("| reference | answer | rule | equal | ours | math-verify |\n|---|---|---|---|---|---|\n")
        for pair, said, my, their, truth in wrong:
            cell = lambda text: "`" + str(text).replace("|", "\\|").replace("\n", " ") + "`"
            file.write(
                f"| {cell(pair['gold'])} | {cell(pair['answer'])} | {pair['kind']}: {pair['rule']} | {truth} "
                f"| {said['verdict']} | {their} |\n"
            )
    print(f"{len(wrong)} pairs on which either is wrong: {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
