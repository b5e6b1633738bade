"""Everybody who may use this instance."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.people.team import show_team
from evaluator.workspace.workspace import serving

st.title("People", anchor=False)
show_team(serving())
