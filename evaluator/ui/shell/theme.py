"""Styles that .streamlit/config.toml cannot express, and the theme's colours for charts."""

from __future__ import annotations

from typing import Literal

import streamlit as st

STYLE = """
<style>
  /* Streamlit highlights links to the open page, even those that lead to another view of that page. */
  .stPageLink a:not(:hover, :focus-visible) { background: none; }
  /* In line with the text above and below. */
  .stPageLink a { position: relative; left: -0.5rem; }
  .stPageLink a p { font-weight: 400; }
  /* A chosen option has the colour of a link: the primary colour is too dim for text on a dark background. */
  [role="tab"][aria-selected="true"] p, .stButtonGroup [aria-checked="true"] p { color: var(--chosen); }
  /* A flat button that is hovered or open needs that colour, too. */
  button[kind="tertiary"]:is(:hover, :focus-visible, :active, [aria-expanded="true"]) { color: var(--chosen); }
  /* YAML is read by its columns. */
  [class*="st-key-description"] textarea { font-family: "Source Code Pro", monospace; font-size: 0.875rem; }
  /* The plan stays visible beside the form; in a narrow window it comes below the form. */
  @media (min-width: 641px) {
    .stColumn:has(.st-key-plan) > .stVerticalBlock {
      position: sticky; top: 4rem; max-height: calc(100vh - 5rem); overflow-y: auto;
    }
  }
  /* Tables show text of unknown origin. Streamlit's own download would let spreadsheets read such text as formulas;
     the download buttons beside tables escape it. */
  [data-testid="stElementToolbarButton"]:has([aria-label^="Download as CSV"]) { display: none; }
</style>
"""


def apply_style() -> None:
    """Add the style to the page."""
    st.html(f"<style>:root {{ --chosen: {_color('linkColor')}; }}</style>{STYLE}")


def palette() -> list[str]:
    """The colours of charts in the reader's theme, the first for the main series; the last one is grey."""
    return [str(color) for color in st.get_option(f"theme.{_theme()}.chartCategoricalColors")]


def ink() -> str:
    """The colour of text in the reader's theme, light or dark."""
    return _color("textColor")


def _color(name: str) -> str:
    return str(st.get_option(f"theme.{_theme()}.{name}"))


def _theme() -> Literal["light", "dark"]:
    """The reader's theme; the browser may report anything else than light or dark."""
    return "dark" if st.context.theme.type == "dark" else "light"
