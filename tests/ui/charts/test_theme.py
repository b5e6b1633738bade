"""Colours in the reader's theme."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.runtime.context import ContextProxy

from evaluator.ui.shell.theme import ink, palette


@pytest.mark.parametrize(
    ("said", "meant"), [("dark", "dark"), ("light", "light"), (None, "light"), ("\x1b]0;x\x07\n", "light")]
)
def test_a_theme_that_is_none_is_light(monkeypatch: pytest.MonkeyPatch, said: str | None, meant: str) -> None:
    """A browser may say anything."""
    colors = {f"theme.{meant}.textColor": "#123456", f"theme.{meant}.chartCategoricalColors": ["#654321"]}
    monkeypatch.setattr("streamlit.get_option", colors.__getitem__)
    monkeypatch.setattr(ContextProxy, "theme", SimpleNamespace(type=said))
    assert ink() == "#123456"
    assert palette() == ["#654321"]
