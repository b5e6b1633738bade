"""The frame around every page."""

from __future__ import annotations

import streamlit as st

from evaluator.location import app_folder


def show() -> None:
    """Draw the navigation, then the page that was chosen."""
    pages = app_folder() / "pages"
    page = st.navigation(
        [
            st.Page(
                pages / "leaderboard.py", title="Leaderboard", icon=":material/leaderboard:", default=True
            ),
            st.Page(pages / "experiments.py", title="Experiments", icon=":material/science:"),
            st.Page(pages / "workers.py", title="Queue", icon=":material/stacks:"),
        ]
    )
    page.run()
