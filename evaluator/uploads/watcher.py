"""Examinations of uploads in watched processes: a few at once, one per person, each with a time limit."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from evaluator.errors import InvalidInputError
from evaluator.jobs.processes.orphan import SUPERVISOR_VARIABLE
from evaluator.uploads.fair_turns import Turns
from evaluator.uploads.folder import ERROR, STEP, ProgressWriter, Step, UploadFolder, files_below
from evaluator.uploads.persons import HERE

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""The most examinations at the same time; others wait for their turn."""
FETCHES_AT_ONCE = 2
"""The most fetches from hubs at the same time; they have their own turns, because they wait for other machines."""
TIME_LIMIT = 2 * 3600.0
"""The longest time limit in seconds, for any size; reading a million documents takes minutes."""
SHORT_TIME, BYTES_PER_SECOND = 300.0, 20_000
"""The shortest time limit in seconds, and the bytes that extend it by one second, as slow as PDFs are read."""
MEMORY_LIMIT = 4 << 30
"""The most resident bytes of one examination. A million documents take less than 1.5 GB; a limit on addresses
(RLIMIT_AS) would stop pyarrow, which reserves many more than it uses."""
LOOK_EVERY = 0.1
"""Seconds between two checks of a process."""
BUSY = "the files are being examined already; wait for the end, or discard them"
LAST_LINE = 500
"""The most characters shown of a crash's last line."""


@dataclass
class _Examination:
    """An examination that waits or runs."""

    folder: UploadFolder
    step: Step
    limit: int
    person: str
    on_end: Callable[[], None]
    cancelled: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Examiner:
    """Starts examinations and watches them; an examination's result is in the upload's folder."""

    def __init__(
        self, at_once: int = AT_ONCE, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT
    ) -> None:
        self._turns, self._fetches = Turns(at_once), Turns(FETCHES_AT_ONCE)
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._lock = threading.Lock()
        self._examinations: dict[Path, _Examination] = {}

    def is_busy(self, folder: UploadFolder) -> bool:
        """Whether an examination of the upload waits or runs."""
        return folder.path in self._examinations

    def start(
        self,
        folder: UploadFolder,
        step: Step,
        limit: int,
        prepare: Callable[[], None],
        *,
        person: str = HERE,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Start a step, or queue it until its turn.

        Args:
            limit: bytes that the unpacked or fetched files may have.
            prepare: called first, while no other step of the same upload can begin.
            person: whose upload it is; at most one step per person runs at a time.
            on_end: called when the step has ended, before another step can begin.

        Raises:
            InvalidInputError: another step of the same upload has not ended.
        """
        examination = _Examination(folder, step, limit, person, on_end)
        with self._lock:
            if self.is_busy(folder):
                raise InvalidInputError(BUSY)
            self._examinations[folder.path] = examination  # first, so that a prepared upload is also busy
            try:
                prepare()
                folder.write(STEP, {"step": step})
                ProgressWriter(folder).stage("waiting")
            except BaseException:
                del self._examinations[folder.path]
                raise
        # A daemon thread, because a stopping server need not wait: the process ends with the server by itself.
        threading.Thread(target=self._run, args=(examination,), name="examiner", daemon=True).start()

    def stop(self, folder: UploadFolder) -> None:
        """Stop an upload's examination, if there is one, and wait until it has ended."""
        examination = self._examinations.get(folder.path)
        if examination is not None:
            examination.cancelled.set()
            examination.ended.wait()

    def _run(self, examination: _Examination) -> None:
        turns = self._fetches if examination.step == "fetch" else self._turns
        try:
            with turns.turn(examination.person, examination.cancelled) as came:
                if came:
                    self._examine(examination)
        except OSError as error:  # the process cannot start, or the disk is full
            logger.exception("an upload cannot be examined")
            with suppress(OSError):
                examination.folder.fail(f"the files cannot be examined: {error.strerror}; try again")
        finally:
            try:
                examination.on_end()
            finally:
                del self._examinations[examination.folder.path]
                examination.ended.set()

    def _examine(self, examination: _Examination) -> None:
        folder = examination.folder
        folder.forget(folder.scratch.name)
        folder.scratch.mkdir()
        try:
            reason = self._run_step(examination)
        finally:
            folder.forget(folder.scratch.name)
        if reason is not None:
            logger.warning("an upload's examination failed: %s", reason)
            folder.fail(reason)

    def _run_step(self, examination: _Examination) -> str | None:
        """Run a step in its own process; returns why it failed, unless the process recorded the reason itself."""
        folder = examination.folder
        command = (sys.executable, "-m", "evaluator.uploads.examination")
        with folder.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  a fixed command
                [*command, examination.step, str(folder.path), str(examination.limit)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    SUPERVISOR_VARIABLE: str(os.getpid()),
                    "TMPDIR": str(folder.scratch),
                    "HF_HUB_CACHE": str(folder.scratch / "hub"),
                },
                start_new_session=True,
            )
        reason = self._watch(process, examination)
        if reason is None and process.returncode != 0 and folder.read(ERROR) is None:
            reason = (
                f"the check ended unexpectedly ({_ending(process.returncode)}): {_last_line(folder)}; "
                f"try again, and if it happens again see {folder.log.name} in the upload's folder"
            )
        return reason

    def _watch(self, process: subprocess.Popen[bytes], examination: _Examination) -> str | None:
        """Wait for a process to end, or kill it; returns why it had to be killed."""
        seconds = self._seconds(examination)
        deadline = time.monotonic() + seconds
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY)
                return None
            if time.monotonic() > deadline:
                reason: str | None = _too_long(seconds)
            else:
                reason = self._excess(process.pid, examination)
            if reason is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return reason

    def _seconds(self, examination: _Examination) -> float:
        """The time limit of a step in seconds, by the bytes that arrived; the size of a fetch is unknown."""
        if examination.step == "fetch":
            return self._time_limit
        size = sum(size for _, size in files_below(examination.folder.files))
        return min(self._time_limit, SHORT_TIME + size / BYTES_PER_SECOND)

    def _excess(self, pid: int, examination: _Examination) -> str | None:
        if examination.cancelled.is_set():
            return "discarded"
        if _memory(pid) > self._memory_limit:
            return (
                f"the check needed more than {self._memory_limit / 1e9:.1f} GB of memory and was stopped; give "
                "smaller files, or JSONL instead of one JSON value"
            )
        if examination.step == "fetch":
            folder = examination.folder
            size = sum(size for part in (folder.files, folder.scratch) for _, size in files_below(part))
            if size > examination.limit:
                return f"the dataset is larger than {examination.limit:,} bytes; raise EVALUATOR_UPLOAD_LIMIT"
        return None


def _too_long(seconds: float) -> str:
    return (
        f"the check took longer than {seconds:,.0f} seconds, which is what files of this size have, and was stopped; "
        "give simpler or smaller files, or use `evaluator dataset import`"
    )


def _memory(pid: int) -> int:
    try:
        memory: int = psutil.Process(pid).memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return memory


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _last_line(folder: UploadFolder) -> str:
    """The last line that a process printed, without the path of the upload's folder."""
    output = folder.log.read_text(encoding="utf-8", errors="replace").replace(f"{folder.path}/", "")
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip()[:LAST_LINE] if lines else "it printed nothing"
