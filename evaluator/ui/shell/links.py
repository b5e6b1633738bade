"""The pages, and addresses within them: every view has one, so that it can be linked to and reloaded."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from evaluator.location import app_folder

PAGES = app_folder() / "pages"
LEADERBOARD = PAGES / "leaderboard.py"
COMPARE = PAGES / "compare.py"
QUERY = PAGES / "query.py"
EXPERIMENTS = PAGES / "experiments.py"
HISTORY = PAGES / "history.py"
DATASETS = PAGES / "datasets.py"
UPLOAD = PAGES / "upload.py"
WORKERS = PAGES / "workers.py"
ACCOUNT = PAGES / "account.py"
PEOPLE = PAGES / "people.py"
ACTIVITY = PAGES / "activity.py"

DASHBOARD = "/queue/"
"""rq-dashboard, beside the pages."""


def link(page: Path, label: str, icon: str | None = None, **address: str) -> None:
    """Draw a link to a view."""
    st.page_link(page, label=label, icon=icon, query_params=address or None)
