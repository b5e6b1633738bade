"""Where files are dropped: they stream from the browser to the REST routes, never through Streamlit's memory."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from evaluator.domain.cost import size
from evaluator.ui.shell.identity import keyed


def _written(kind: str) -> str:
    return Path(__file__).with_name(f"dropzone.{kind}").read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "evaluator.dropzone", html=_written("html"), css=_written("css"), js=_written("js")
)


def dropzone(limit: int, adds_to: str | None) -> str | None:
    """Draw the drop area. Gives the id of an upload once, when all its files have arrived.

    Args:
        limit: bytes that the files may have together; more is refused before anything is sent.
        adds_to: the name of the dataset to which the files add; None if they are to be one of their own.
    """
    result = _mount(
        key=keyed("dropzone", adds_to),
        data={"limit": limit, "limit_in_words": size(limit), "adds_to": adds_to or ""},
        on_upload_change=lambda: None,
    )
    return result.upload or None
