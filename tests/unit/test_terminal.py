"""How commands tell what goes on, where nothing can be drawn."""

from __future__ import annotations

import re

import pytest

from evaluator.cli import terminal
from evaluator.cli.terminal import Stages


def test_a_quick_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Stages() as stages:
        stages.stage("reading")
        stages.count(1000)
    assert capsys.readouterr() == ("", "")


def test_a_long_one_says_how_far_it_is_and_how_fast(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "TELL_EVERY", 0.0)
    monkeypatch.setattr(terminal, "WORTH_TELLING", 0.0)
    with Stages() as stages:
        stages.stage("reading")
        stages.count(1000)
        stages.count(2000)
        stages.stage("examining")
    said = capsys.readouterr().err.splitlines()
    assert [re.sub("[0-9,]+ a second", "N a second", line) for line in said] == [
        "reading: 1,000 documents, N a second",
        "reading: 2,000 documents, N a second",
        "reading: 2,000 documents, N a second, 0 s",
    ]
