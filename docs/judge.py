"""Any reward(prompt, completion, reference) as a judge of bourn's `command` verifier (docs/judges.md).

Replace `reward` by your own; this one is for countdown, and says what the built-in verifier says.
"""

import ast
import json
import operator
import re
import sys
from collections import Counter
from fractions import Fraction

SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub,
         ast.Mult: operator.mul, ast.Div: operator.truediv}
NAMES = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def reward(prompt, completion, reference):
    """1 if the completion uses each number of the puzzle once and hits the target, else 0."""
    puzzle = json.loads(reference)
    numbers, signs = Counter(puzzle["numbers"]), set(puzzle["operators"])

    def value(node):
        if isinstance(node, ast.Constant):
            numbers[node.value] -= 1
            return Fraction(node.value)
        if not isinstance(node, ast.BinOp) or NAMES.get(type(node.op)) not in signs:
            raise SyntaxError("no expression")
        return SIGNS[type(node.op)](value(node.left), value(node.right))

    left, *right = completion.split("=", 1)
    # Digits and signs alone, and no number that begins with a zero but 0 itself.
    if re.search(r"[^0-9+*/() \t\n\r-]|\b0[0-9]", left):
        return 0
    try:
        result = value(ast.parse(" ".join(left.split()), mode="eval").body)
        stated = [Fraction(text.strip()) for text in right] == [result] * len(right)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError, MemoryError):
        return 0
    return int(result == puzzle["target"] and stated and not any(numbers.values()))


def main():
    # What `reward` prints goes to standard error: an answer is a line, and a line an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        asked = json.loads(line)
        score = reward(asked["prompt"], asked["completion"], asked["reference"])
        answer = {"id": asked["id"], "score": float(score)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
