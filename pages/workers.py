"""The queue: workers and jobs. The full dashboard of the queue is served beside the pages, at `/queue`."""

from __future__ import annotations

import streamlit as st

from evaluator.domain.access import Action
from evaluator.ui.queue.view import show_queue
from evaluator.ui.shell.links import DASHBOARD
from evaluator.ui.shell.live import live
from evaluator.ui.shell.words import capital
from evaluator.workspace.acting import may
from evaluator.workspace.queue_status import without_workers
from evaluator.workspace.workspace import Workspace, serving


def page(workspace: Workspace) -> None:
    st.title("Queue", anchor=False)
    if may(Action.OPERATE):  # it shows jobs of all projects
        st.link_button(
            "All jobs, one by one",
            workspace.settings.at(DASHBOARD),
            icon=":material/open_in_new:",
            type="tertiary",
        )
    live(lambda: _show(workspace), refresh=True)


def _show(workspace: Workspace) -> None:
    if problem := without_workers(workspace):
        st.error(capital(problem), icon=":material/error:")
    show_queue(workspace)


page(serving())
