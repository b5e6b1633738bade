"""Files that people had are read right, or a question or a refusal says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.uploads import examination
from tests.cases.case import Example
from tests.cases.cases import all_cases
from tests.cases.reading import checked

EXAMPLES = {
    f"{case.number} {example.name}".strip(): example for case in all_cases() for example in case.examples
}


@pytest.fixture(autouse=True)
def no_tokenizers(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tokens documents have is no matter of any case, and would take most of the time."""
    monkeypatch.setattr(examination, "token_counters", lambda: ())


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_case(example: Example, tmp_path: Path) -> None:
    if example.says:
        refused = checked(example, tmp_path / "before", {})
        assert example.says in refused.refusal
        assert refused.reads is None
    if example.reads is None:
        assert example.says
        return
    read = checked(example, tmp_path / "after", example.answer)
    assert read.refusal == ""
    assert read.reads == example.reads
    assert read.judged == example.judged
    assert (read.findings, read.unused, read.runs) == (example.findings, example.unused, example.runs)
