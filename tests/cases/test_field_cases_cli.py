"""A script may trust the exit code of a check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from evaluator.errors import InvalidInputError
from tests.cases.case import beir
from tests.cases.collections import languages
from tests.cases.tables import LFS, headless
from tests.integration.conftest import Commands, in_process
from tests.shapes.writing import write

__all__ = ["in_process"]

REFUSED: dict[str, Mapping[str, bytes]] = {
    "a question": headless(),
    "several datasets": languages(),
    "a file that cannot be read": beir(corpus=LFS),
    "nothing relevant": beir(qrels=b"q1\t0\td77\t1\n"),
}


@pytest.mark.parametrize("number", ["24c"])
@pytest.mark.usefixtures("in_process")
def test_case(number: str, tmp_path: Path) -> None:
    """A check ends with 1 where an import refuses, which ends with 2; with 0 where it imports."""
    commands = Commands("dataset")
    for name, files in REFUSED.items():
        folder = write(tmp_path / name, files)
        assert commands.run("check", folder).exit_code == 1
        with pytest.raises(InvalidInputError):
            commands.run("import", folder, "--name", "refused")
    folder = write(tmp_path / "bikes", beir())
    assert [commands.run(command, folder).exit_code for command in ("check", "import")] == [0, 0]
