"""What .streamlit/config.toml cannot say about looks, and its colours for what Streamlit does not colour itself."""

from __future__ import annotations

from typing import Literal

import streamlit as st

STYLE = """
<style>
  /* Streamlit marks a link to the page one is on, though it may lead to another view of that page. */
  .stPageLink a:not(:hover, :focus-visible) { background: none; }
  /* In line with the text above and below. */
  .stPageLink a { position: relative; left: -0.5rem; }
  .stPageLink a p { font-weight: 400; }
  /* What is chosen is written like a link: the primary colour is for surfaces, and too dim for text in the dark. */
  [role="tab"][aria-selected="true"] p, .stButtonGroup [aria-checked="true"] p { color: var(--chosen); }
  /* Nor would a flat button that is hovered or open be seen there. */
  button[kind="tertiary"]:is(:hover, :focus-visible, :active, [aria-expanded="true"]) { color: var(--chosen); }
  /* YAML is read by its columns. */
  [class*="st-key-description"] textarea { font-family: "Source Code Pro", monospace; font-size: 0.875rem; }
  /* The plan stays in sight while one chooses; in a narrow window it comes after the choices. */
  @media (min-width: 641px) {
    .stColumn:has(.st-key-plan) > .stVerticalBlock {
      position: sticky; top: 4rem; max-height: calc(100vh - 5rem); overflow-y: auto;
    }
  }
  /* Tables hold what strangers wrote. Their own download would hand it to spreadsheets as formulas; the buttons
     beside them do not. */
  [data-testid="stElementToolbarButton"]:has([aria-label^="Download as CSV"]) { display: none; }
</style>
"""


def apply_style() -> None:
    """Add the style to the page."""
    st.html(f"<style>:root {{ --chosen: {_color('linkColor')}; }}</style>{STYLE}")


def palette() -> list[str]:
    """The colours of charts in the reader's theme, the first for what is looked at first; the last one is grey."""
    return [str(color) for color in st.get_option(f"theme.{_theme()}.chartCategoricalColors")]


def ink() -> str:
    """The colour of text in the reader's theme, light or dark."""
    return _color("textColor")


def _color(name: str) -> str:
    return str(st.get_option(f"theme.{_theme()}.{name}"))


def _theme() -> Literal["light", "dark"]:
    """The reader's theme: the browser says it, which may say anything."""
    return "dark" if st.context.theme.type == "dark" else "light"
