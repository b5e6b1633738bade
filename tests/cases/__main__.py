"""`python -m tests.cases` prints the table of cases."""

from __future__ import annotations

from tests.cases.case import Case
from tests.cases.cases import all_cases


def table() -> str:
    """The cases as a Markdown table."""
    rows = "".join(f"| {case.number} | {_had(case)} | {case.outcome} |\n" for case in all_cases())
    return f"| case | what people had | now |\n|---|---|---|\n{rows}"


def _had(case: Case) -> str:
    return f"[{case.had}]({case.source})" if case.source else case.had


if __name__ == "__main__":
    print(table(), end="")
