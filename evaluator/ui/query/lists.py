"""Ranked lists side by side, drawn in the browser from plain text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st


def _written(kind: str) -> str:
    return Path(__file__).with_name(f"lists.{kind}").read_text(encoding="utf-8")


HTML = '<div class="scroll" tabindex="0" role="region" aria-label="Ranked lists side by side"></div>'

_mount = st.components.v2.component(
    "evaluator.query_lists", html=HTML, css=_written("css"), js=_written("js")
)


def draw_lists(data: Mapping[str, object]) -> None:
    """Draw lists as `query_data.lists_data` describes them."""
    _mount(key="query-lists", data=dict(data))
