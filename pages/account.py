"""One's own account, on an instance with accounts."""

from __future__ import annotations

import streamlit as st

from evaluator.ui.people.account import show_account
from evaluator.workspace.acting import acting
from evaluator.workspace.workspace import serving

st.title("Account", anchor=False)
show_account(serving(), acting())
