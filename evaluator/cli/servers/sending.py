"""Importing files into a server's library: they are sent, and recognised, checked and stored there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluator.cli.readings import resolve
from evaluator.cli.running import through_outages
from evaluator.cli.terminal import FIRST_POLL, LONGEST_POLL, Stages
from evaluator.errors import DatasetError, EvaluatorError

if TYPE_CHECKING:
    from evaluator.datasets.health.report import HealthReport
    from evaluator.datasets.reading import Reading
    from evaluator.datasets.recognition.recognise import Recognised
    from evaluator.remote.client import Client
    from evaluator.uploads.state import UploadState

# Imported when they are used, so that `--help` is fast.
# ruff: noqa: PLC0415

LEFT_BEHIND = "__MACOSX"
"""A folder that operating systems leave in archives; like names that begin with a dot, it is not sent."""


class Sent(NamedTuple):
    """A dataset that was stored from files of this machine.

    Attributes:
        record: the dataset's record.
        recognised, reading: what the files are, and how they were read.
        report: the check's report.
    """

    record: dict[str, Any]
    recognised: Recognised
    reading: Reading
    report: HealthReport


class Choices(NamedTuple):
    """What a person says about the files.

    Attributes:
        reading: the whole reading, if given.
        changes: values by field of the recognised reading.
        exclude_self: None to do as the files say.
        on_checked: called with the report before the dataset is stored.
    """

    reading: Reading | None
    changes: dict[str, Any]
    exclude_self: bool | None
    on_checked: Callable[[HealthReport], None] = lambda _report: None


def send_dataset(
    there: Client, path: str, choices: Choices, name: str, description: str, tags: list[str]
) -> Sent:
    """Import a file, a folder, an archive or a hub's dataset as a dataset of a server.

    Raises:
        DatasetError: there is nothing at that path, or the files are no dataset; nothing is stored.
    """
    with _uploaded(there, path, None) as upload, Stages() as stages:
        return _stored(
            there, path, upload, choices, stages, lambda: there.store_upload(upload, name, description, tags)
        )


def send_additions(there: Client, path: str, choices: Choices, name: str) -> Sent:
    """Add the queries and judgments in files to a dataset of a server.

    Raises:
        DatasetError: there is nothing at that path, or the files do not fit; nothing is stored.
    """
    with _uploaded(there, path, name) as upload, Stages() as stages:
        return _stored(there, path, upload, choices, stages, lambda: there.store_upload(upload, name))


@contextmanager
def _uploaded(there: Client, path: str, adds_to: str | None) -> Iterator[str]:
    """An upload of files that are on the server; it is discarded unless it is stored."""
    from evaluator.datasets.staging.gathering import is_reference

    if is_reference(path) and adds_to is None:
        upload, files = there.begin_fetch(path), {}
    else:
        files = files_to_send(path)
        upload = there.begin_upload(adds_to)
    try:
        if files:
            _send(there, upload, files)
            there.recognise_upload(upload)
        yield upload
    except BaseException:
        with suppress(EvaluatorError):
            there.discard_upload(upload)
        raise


def files_to_send(path: str) -> dict[str, Path]:
    """The files of a path by the names under which they are sent, without hidden ones.

    Raises:
        DatasetError: there is no such file or folder, it is empty, or something in it is no file.
    """
    origin = Path(path).expanduser()
    if origin.is_file():
        return {origin.name: origin}
    if not origin.is_dir():
        raise DatasetError(f"there is no file or folder {path}; give one")
    files = {file.relative_to(origin).as_posix(): file for file in _below(origin, frozenset())}
    if not files:
        raise DatasetError(f"there is no file in {path}")
    return files


def _below(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in above:
        raise DatasetError(f"the link {folder} leads back to a folder around it; remove it")
    with os.scandir(folder) as found:
        names = sorted(entry.name for entry in found)
    for name in names:
        path = folder / name
        if name.startswith(".") or name == LEFT_BEHIND:
            continue
        if path.is_dir():
            yield from _below(path, above | {real})
        elif path.is_file():
            yield path
        else:
            raise DatasetError(f"{path} is no file that can be read; remove it")


def _send(there: Client, upload: str, files: dict[str, Path]) -> None:
    sent = 0

    def count(size: int) -> None:
        nonlocal sent
        sent += size
        stages.count(sent)

    with Stages("bytes") as stages:
        stages.stage("sending")
        for name, path in files.items():
            there.send_file(upload, name, path, count)


def _stored(
    there: Client,
    path: str,
    upload: str,
    choices: Choices,
    stages: Stages,
    store: Callable[[], dict[str, Any]],
) -> Sent:
    state = _settled(there, upload, stages)
    if state.recognised is None:
        raise DatasetError(f"{path}: {state.error or 'the server did not recognise the files'}")
    reading = resolve(path, state.recognised, choices.reading, choices.changes)
    exclude = state.exclude_self if choices.exclude_self is None else choices.exclude_self
    there.check_upload(upload, reading.to_json(), exclude_self=exclude)
    recognised, state = state.recognised, _settled(there, upload, stages)
    if state.report is None:
        raise DatasetError(f"{path}: {state.error or 'the server did not check the files'}")
    choices.on_checked(state.report)
    stages.stage("storing")
    return Sent(store(), recognised, reading, state.report)


def _settled(there: Client, upload: str, stages: Stages) -> UploadState:
    """The state of an upload once its step has ended; meanwhile the stages of the step are shown."""
    from evaluator.uploads.state import UploadState

    shown, poll = "", FIRST_POLL
    while True:
        state = UploadState.from_json(through_outages(lambda: there.upload_state(upload)))
        if state.status not in ("recognising", "checking"):
            return state
        if state.progress is not None:
            if state.progress.stage != shown:
                shown = state.progress.stage
                stages.stage(shown)
            stages.count(state.progress.done)
        time.sleep(poll)
        poll = min(poll * 1.2, LONGEST_POLL)
