"""The explanation of the ranking policy, for pages with scores."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.measures.policy import POLICIES


def policy_popover(version: int) -> None:
    """Draw a button that explains a version of the policy."""
    with st.popover(f"Ranking policy {version}", icon=":material/gavel:", type="tertiary"):
        st.markdown(POLICIES[version])
