"""What happened on this instance."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.shell.live import live
from evaluator.ui.teamwork.activity import show_activity
from evaluator.workspace.workspace import serving

st.title("Activity", anchor=False)
live(lambda: show_activity(serving()), refresh=False)
