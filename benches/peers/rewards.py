"""The verifiers that the peer's trainer calls: what bourn's find correct, as far as these prompts go."""

import ast
import re
from fractions import Fraction

OPERATORS = {ast.Add: lambda a, b: a + b, ast.Sub: lambda a, b: a - b, ast.Mult: lambda a, b: a * b}


def reward(reference, text):
    if "target" in reference:
        return countdown(reference["numbers"], reference["target"], text)
    return last_number(reference["answer"], text)


def countdown(numbers, target, text):
    """1 where the text is an expression over each number once that has the target's value."""
    text, *claimed = (part.strip() for part in text.split("="))
    if claimed not in ([], [str(target)]):
        return 0.0
    # What a model of a few thousand steps writes is short; longer text is no answer.
    if len(text) > 64 or not re.fullmatch(r"[0-9+\-*() ]+", text):
        return 0.0
    used = []

    def value(node):
        match node:
            case ast.Constant(value=int(number)):
                used.append(number)
                return number
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return OPERATORS[type(op)](value(left), value(right))
        raise ValueError("neither a number nor an operation")

    try:
        found = value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return 0.0
    return float(found == target and sorted(used) == sorted(numbers))


def last_number(answer, text):
    """1 where the last number of the text is the answer's."""
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    try:
        return float(bool(found) and exact(found[-1]) == exact(answer))
    except ValueError:
        return 0.0


def exact(text):
    return Fraction(text.replace(",", ""))
