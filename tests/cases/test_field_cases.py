"""The list of cases: it is whole, each case is tested, and the documentation has all of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.cases.__main__ import table
from tests.cases.case import Case
from tests.cases.cases import all_cases
from tests.conftest import ROOT

CASES = all_cases()
NUMBERS = [
    *("01", "03", "04", "05", "06", "07", "09", "11", "12", "13", "15", "16", "17a", "17b", "19", "20", "21", "22"),
    *("24c", "25", "27", "28", "30", "31", "33", "34", "35", "36", "38a", "38b", "40", "42", "43", "44", "51", "53"),
    *("54", "55", "56", "57", "58", "60", "61", "63", "65", "66", "67", "69", "70", "71", "75", "75h", "76", "77"),
    *("77b", "81", "83", "85", "87", "87l", "88", "89", "90b", "90c", "90d", "91", "92", "94", "95", "100", "102"),
    *("103", "104", "110"),
]  # fmt: skip


def test_the_list_is_whole() -> None:
    assert len(NUMBERS) == 74
    assert [case.number for case in CASES] == NUMBERS


@pytest.mark.parametrize("case", CASES, ids=[case.number for case in CASES])
def test_a_case_is_tested(case: Case) -> None:
    """By files of its own, or by tests elsewhere, which are there."""
    assert case.outcome
    assert case.examples or case.scored or case.tested_by
    for test in case.tested_by:
        file, *names = test.split("::")
        found: object = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        for name in names:
            found = getattr(found, name)


def test_the_documentation_lists_the_cases() -> None:
    assert table() in (Path(ROOT) / "docs" / "datasets.md").read_text(encoding="utf-8")
