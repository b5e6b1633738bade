"""Datasets that people had score right, and what is odd about them is said beside the scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.cases.case import Scored
from tests.cases.cases import all_cases
from tests.cases.scoring import board

EXAMPLES = {
    f"{case.number} {example.name}".strip(): example for case in all_cases() for example in case.scored
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A database and an artifact store for all cases, whose dataset is the next version of the one before."""
    with Workspace.open_local(Settings(home=tmp_path_factory.mktemp("cases") / "home")) as opened:
        yield opened


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_case(example: Scored, library: Workspace, tmp_path: Path) -> None:
    seen = board(example, tmp_path / "example", library)
    assert seen.means == example.means
    assert len(seen.remarks) == len(example.remarks)
    for said, part in zip(seen.remarks, example.remarks, strict=True):
        assert part in said
