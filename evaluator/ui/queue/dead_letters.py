"""Results that could not be recorded, with the reasons, on the queue page."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.domain.access import Action
from evaluator.domain.cost import size
from evaluator.jobs.results.dead_letters import DeadLetter
from evaluator.operations.dead_letters import count_dead_letters, dead_letters, drop_dead_letters
from evaluator.ui.shell.words import count, moment
from evaluator.workspace.acting import may
from evaluator.workspace.workspace import Workspace

SHOWN = 20
"""Dead letters in the table; the command line and REST list all that are kept."""


def show_dead_letters(workspace: Workspace) -> None:
    """Draw what could not be recorded; nothing if all could.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    counts = count_dead_letters(workspace)
    if not counts.kept:
        return
    st.warning(
        f"**{count(counts.kept, 'result')} could not be recorded.** All others are. The usual cause is a worker of "
        "another version than the server: run the same version everywhere, then resume the experiments that lack "
        "queries.",
        icon=":material/unknown_document:",
    )
    if not may(Action.OPERATE):  # it may be of any project
        return
    with st.expander("What could not be recorded, and why", key="dead-letters"):
        letters = dead_letters(workspace, SHOWN)
        if counts.kept > len(letters):
            st.caption(f"The last {len(letters)}. `evaluator dead-letters list` shows all.")
        _table(letters)
        with st.popover("Drop", icon=":material/delete:", key="drop-dead-letters"):
            st.markdown(f"Permanently drops {count(counts.kept, 'result')} that could not be recorded.")
            st.button("Drop them", type="primary", on_click=_drop, args=(workspace,))


def _drop(workspace: Workspace) -> None:
    drop_dead_letters(workspace)


def _table(letters: list[DeadLetter]) -> None:
    rows = [
        {
            "When": moment(letter.at.replace(tzinfo=None), st.context.timezone),
            "Reason": letter.reason,
            "Begins with": letter.content,
            "Size": size(letter.bytes),
        }
        for letter in letters
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="dead-letters-table", alt="Dead letters")
