"""The queue now: its workers, and its jobs by state."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from evaluator.ui.glossary import meaning
from evaluator.ui.queue.dead_letters import show_dead_letters
from evaluator.ui.shell.figures import Figure, show_figures
from evaluator.ui.shell.words import NOTHING, count, duration
from evaluator.workspace.queue_status import QueueStatus, WorkerStatus, queue_status
from evaluator.workspace.workspace import Workspace

MEGABYTE = 2**20


def show_queue(workspace: Workspace) -> None:
    """Draw the queue as it is now.

    Raises:
        QueueUnavailableError: it does not answer.
    """
    status = queue_status(workspace)
    _jobs(status)
    show_dead_letters(workspace)
    _workers(status)


def _jobs(status: QueueStatus) -> None:
    st.subheader("Jobs", anchor=False, help=meaning("job"))
    figures = {
        "Queued": (status.queued, "Ready for the next free worker."),
        "Running": (status.started, "On a worker now."),
        "Deferred": (status.deferred, "Waiting for other jobs to end first."),
        "Scheduled": (status.scheduled, "Failed once; tried again after a pause."),
        "Failed": (status.failed, "Gave up after the last attempt; kept for seven days."),
        "Unrecorded": (status.unrecorded, "Results in the stream that are not in the database yet."),
    }
    show_figures({label: Figure(f"{number:,}", meaning) for label, (number, meaning) in figures.items()})


def _workers(status: QueueStatus) -> None:
    st.subheader("Workers", anchor=False, help=meaning("worker"))
    if not status.present:
        st.warning(
            "No workers are running: jobs wait until there is one. In another terminal, or on another machine with "
            "`REDIS_URL` and `EVALUATOR_ARTIFACTS` set:",
            icon=":material/hourglass_disabled:",
        )
        st.code("evaluator worker --count 2", language="bash")
    for name in status.unserved if status.present else ():
        st.warning(
            f"{count(status.waiting[name], 'job')} to {name}, and no worker does that: start one whose "
            f"`EVALUATOR_{name.upper()}_WORKERS` is not 0.",
            icon=":material/hourglass_disabled:",
        )
    if status.workers:
        busy = sum(worker.state == "busy" for worker in status.workers)
        st.caption(f"{count(len(status.present), 'worker')}, {busy} busy")
        _table(status.workers)


def _table(workers: tuple[WorkerStatus, ...]) -> None:
    rows = [
        {
            "State": worker.state,
            "Doing": worker.job or NOTHING,
            "Queues": ", ".join(worker.queues),
            "Done": worker.done,
            "Failed": worker.failed,
            "Seen": NOTHING if worker.heartbeat_age is None else f"{duration(worker.heartbeat_age)} ago",
            "Memory": None if worker.memory is None else worker.memory / MEGABYTE,
            "Host": worker.host,
            "PID": worker.pid,
            "Name": worker.name,
        }
        for worker in workers
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        key="workers",  # so that a refresh keeps how the reader sorted it
        placeholder=NOTHING,
        alt="Workers",
        column_config={
            "Memory": st.column_config.NumberColumn(format="%.0f MB"),
            "PID": st.column_config.NumberColumn(format="%d"),
        },
    )
