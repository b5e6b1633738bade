"""Processes that a supervisor started end with it, even if it was killed."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

logger = logging.getLogger(__name__)

SUPERVISOR_VARIABLE = "EVALUATOR_SUPERVISOR"
"""Holds the supervisor's process id; absent where somebody started the process by hand."""
LOOK_EVERY = 1.0
"""Seconds."""


def stop_without_supervisor() -> None:
    """Watch the supervisor in the background; ask this process to stop once it is gone."""
    supervisor = os.environ.get(SUPERVISOR_VARIABLE)
    if supervisor is not None:
        threading.Thread(target=_watch, args=(int(supervisor),), name="orphan", daemon=True).start()


def _watch(supervisor: int) -> None:
    while os.getppid() == supervisor:
        time.sleep(LOOK_EVERY)
    logger.warning("the supervisor is gone; stopping")
    os.kill(os.getpid(), signal.SIGTERM)
