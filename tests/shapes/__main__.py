"""`python -m tests.shapes` prints the table of shapes; `python -m tests.shapes mutations [EVERY]` tries changes."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.shapes.mutations import mutations, outcome
from tests.shapes.shape import Shape
from tests.shapes.shapes import all_shapes


def table() -> str:
    """The shapes as a Markdown table."""
    rows = "".join(f"| {shape.name} | {_files(shape)} | {_asked(shape)} |\n" for shape in all_shapes())
    return f"| what people have | files | asked |\n|---|---|---|\n{rows}"


def _files(shape: Shape) -> str:
    names = [f"`{name}`" for name in shape.files]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _asked(shape: Shape) -> str:
    return ", ".join(f"`{field}`" for field in shape.answer) or "nothing"


def try_mutations(shapes: Sequence[Shape], every: int) -> tuple[Counter[str], list[str]]:
    """How often each outcome occurred among every n-th mutation, and what went wrong."""
    found: Counter[str] = Counter()
    wrong: list[str] = []
    number = 0
    for shape in shapes:
        for mutation in mutations(shape):
            number += 1
            if number % every == 0:
                with tempfile.TemporaryDirectory() as folder:
                    result = outcome(mutation, Path(folder))
                found[result] += 1
                if result == "wrong":
                    wrong.append(f"{shape.name}: {mutation.name}")
    return found, wrong


def main(arguments: Sequence[str]) -> int:
    """Print the table, or try mutations."""
    if not arguments:
        print(table(), end="")
        return 0
    every = int(arguments[1]) if len(arguments) > 1 else 1
    found, wrong = try_mutations(list(all_shapes()), every)
    print(f"{found.total()} mutations: {', '.join(f'{n} {name}' for name, n in found.most_common())}")
    for name in wrong:
        print(f"wrong: {name}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
