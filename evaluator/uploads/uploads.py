"""Uploads: files on their way to become a dataset. Nothing is a dataset until a person stores it.

An upload is a folder below HOME/uploads; its state is derived from what is there, so a server that starts again
knows all of them. The work on files is done by `examining`, in processes that `examiner` watches. What all of them may
take together is `upload_quota`'s.
"""

from __future__ import annotations

import dataclasses
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from evaluator.datasets.findings import Finding
from evaluator.datasets.reading import Reading, Table
from evaluator.datasets.staging.extending import require_news
from evaluator.datasets.staging.stage import Staged, publish, require_sound, staged_sizes
from evaluator.datasets.staging.unpack import is_packed, unpacking_limit
from evaluator.domain.access import Action
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError, QuotaReachedError, UnknownNameError
from evaluator.library import catalog, quotas
from evaluator.library.storage import name_dataset
from evaluator.store import datasets
from evaluator.uploads.destination import link_dataset, require_free, unchanged_dataset
from evaluator.uploads.folder import (
    ADDS_TO,
    ERROR,
    PERSON,
    PROGRESS,
    READING,
    RECOGNISED,
    REPORT,
    SOURCE,
    STAGED,
    STEP,
    UPLOAD_ID,
    WRITTEN,
    Step,
    UploadFolder,
    files_below,
    uploads_folder,
)
from evaluator.uploads.names import safe_name
from evaluator.uploads.persons import HERE
from evaluator.uploads.quota import quota_of
from evaluator.uploads.receiving import receive_file, room
from evaluator.uploads.remembered import remember
from evaluator.uploads.state import NOT_RECOGNISED, UploadedFile, UploadState, state_of
from evaluator.uploads.watcher import BUSY, Examiner
from evaluator.workspace.acting import needs, project
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace

KEPT, KEPT_EMPTY = 7 * 24 * 3600.0, 3600.0
"""Seconds without a change after which an upload is removed, with and without files."""

_examiner = Examiner()


@needs(Action.EDIT)
def create(workspace: Workspace, person: str = HERE, adds_to: str | None = None) -> str:
    """Begin an upload; returns its id.

    Args:
        person: whose it is, as `persons` names them.
        adds_to: the name of a dataset to which the files add queries and judgments.

    Raises:
        UnknownNameError: there is no such dataset.
        TooManyError: too many uploads are open, of all persons or of this one.
        UploadNotWrittenError: the disk is full.
    """
    upload_id = secrets.token_hex(16)
    dataset = None if adds_to is None else catalog.find(workspace, adds_to)
    folder, quota = (
        UploadFolder(uploads_folder(workspace.settings.home_path) / upload_id),
        quota_of(workspace),
    )
    quota.open(upload_id, person)
    try:
        with room():
            folder.files.mkdir(parents=True)
            folder.incoming.mkdir()
            folder.write(PERSON, {"person": person, "project": current(workspace)})
            if dataset is not None:
                folder.write(ADDS_TO, {"dataset": dataset.id})
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        quota.close(upload_id)
        raise
    return upload_id


@needs(Action.EDIT)
async def receive(
    workspace: Workspace, upload_id: str, name: str, chunks: AsyncIterator[bytes]
) -> UploadedFile:
    """Receive a file. It gets its name when complete; an incomplete file is removed.

    A file of the same name is replaced, and earlier results of recognition are removed.

    Args:
        name: a relative path; a folder that is dropped keeps its files' paths.

    Raises:
        InvalidInputError: the name is not safe, or the upload is being examined.
        TooLargeError: the upload would be larger than the limit.
        QuotaReachedError: the person's uploads, or all, would hold more than they may.
        UploadNotWrittenError: the disk is full.
    """
    folder, quota = _folder(workspace, upload_id), quota_of(workspace)
    safe = safe_name(name)
    _refuse_busy(folder)
    taken = 0

    def take(size: int) -> None:
        nonlocal taken
        quota.take(upload_id, size)
        taken += size

    def forget() -> None:
        _folder(workspace, upload_id)  # it may have been discarded in the meantime
        _refuse_busy(folder)
        folder.forget(STEP, RECOGNISED, READING, REPORT, ERROR, PROGRESS)

    with quota.arriving(upload_id):
        try:
            received = await receive_file(folder, safe, chunks, take, forget)
        except BaseException:
            quota.give_back(upload_id, taken)
            raise
        if received.replaced is None:
            quota.count_file(upload_id)
        else:
            quota.give_back(upload_id, received.replaced)
    return UploadedFile(safe, received.bytes)


def require_room(workspace: Workspace, upload_id: str, size: int) -> None:
    """Refuse a file by the size it announces, before it is sent.

    Raises:
        TooLargeError: the upload would be larger than the limit.
        QuotaReachedError: the person's uploads, or all, would hold more than they may.
    """
    _folder(workspace, upload_id)
    quota_of(workspace).require(upload_id, size)


@needs(Action.EDIT)
def recognise(workspace: Workspace, upload_id: str, written: Sequence[Table] = ()) -> None:
    """Start recognising the files; `state` returns the progress.

    Args:
        written: tables whose header row or encoding a person says.

    Raises:
        InvalidInputError: there are no files, or they are being examined already.
        QuotaReachedError: there is no room for the unpacked archives.
    """
    folder = _folder(workspace, upload_id)
    files = list(files_below(folder.files))
    if not files:
        raise InvalidInputError("no file has arrived yet; send one first")
    packed = sum(size for name, size in files if is_packed(Path(name)))
    limit = unpacking_limit(workspace.settings.unpacked_limit, packed)

    def prepare() -> None:
        _forget_all(folder)
        if folder.adds_to is not None:
            link_dataset(workspace, folder)
        if written:
            folder.write(WRITTEN, {"tables": [dataclasses.asdict(table) for table in written]})

    _start(workspace, folder, "recognise", limit, limit if packed else 0, prepare)


@needs(Action.EDIT)
def fetch(workspace: Workspace, reference: str, person: str = HERE) -> str:
    """Begin an upload whose files come from a hub, and recognise them; returns its id.

    Args:
        reference: `hf:organisation/name`, optionally with `/config` and `@revision`, or `ir_datasets:id`.
        person: whose upload it is; see `persons`.

    Raises:
        TooManyError, QuotaReachedError: as for `create` and `recognise`.
    """
    upload_id = create(workspace, person)
    folder, limit = _folder(workspace, upload_id), workspace.settings.unpacked_limit
    folder.write(SOURCE, {"source": reference})
    try:
        _start(workspace, folder, "fetch", limit, limit, lambda: _forget_all(folder))
    except QuotaReachedError:
        discard(workspace, upload_id)
        raise
    return upload_id


def _start(
    workspace: Workspace,
    folder: UploadFolder,
    step: Step,
    limit: int,
    to_hold: int,
    prepare: Callable[[], None],
) -> None:
    """Begin a step if there is room for its result, and count the result when the step ends.

    Args:
        limit: bytes that the unpacked or fetched files may have together.
        to_hold: bytes to reserve for the result, in addition to the files that arrived.
    """
    upload_id, quota = folder.path.name, quota_of(workspace)
    reserved = False

    def begin() -> None:
        nonlocal reserved
        quota.reserve(upload_id, to_hold)
        reserved = True
        prepare()

    def settle() -> None:
        quota.settle(upload_id, folder.made)

    try:
        _examiner.start(folder, step, limit, begin, person=quota.person(upload_id), on_end=settle)
    except BaseException:
        if reserved:  # otherwise another step of the upload holds the reservation
            settle()
        raise


@needs(Action.EDIT)
def check(workspace: Workspace, upload_id: str, reading: Reading, exclude_self: bool) -> None:
    """Start reading the files and examining the dataset; `state` returns the progress.

    Raises:
        InvalidInputError: the files are not recognised yet, or they are being examined already.
        QuotaReachedError: there is no room for the dataset.
    """
    folder = _folder(workspace, upload_id)
    if folder.read(RECOGNISED) is None:
        raise InvalidInputError(NOT_RECOGNISED)

    def prepare() -> None:
        folder.forget(ERROR, REPORT, folder.staged.name)
        folder.write(READING, {"reading": reading.to_json(), "exclude_self": exclude_self})

    to_read = sum(size for _, size in files_below(folder.unpacked))
    limit = workspace.settings.unpacked_limit
    _start(workspace, folder, "check", limit, folder.made.bytes + to_read, prepare)


@needs(Action.EDIT)
def state(workspace: Workspace, upload_id: str) -> UploadState:
    """The current state of an upload.

    Raises:
        UnknownNameError: there is no upload with this id.
    """
    folder = _folder(workspace, upload_id)
    try:
        return state_of(folder, lambda: _examiner.is_busy(folder))
    except FileNotFoundError as error:  # it was stored or discarded at this moment
        raise _gone(upload_id) from error


@needs(Action.EDIT)
def store(
    workspace: Workspace,
    upload_id: str,
    name: str,
    description: str = "",
    tags: Sequence[str] = (),
    *,
    next_version: bool = False,
) -> DatasetRow:
    """Store a checked upload as a dataset, or as the next version of the one to which it adds; removes the upload.

    Args:
        name: of a new dataset; without meaning if the upload adds to one.
        next_version: whether the name may be another dataset's, which then gets a new version.

    Raises:
        InvalidInputError: it is not checked, the check found a blocking problem, its result is damaged, another
            dataset has the name, or the dataset to which it adds has changed since.
        QuotaReachedError: the project has no room for it; the upload stays as it is.
    """
    folder, upload = _folder(workspace, upload_id), state(workspace, upload_id)
    if upload.status != "checked" or upload.report is None:
        raise InvalidInputError(f"the upload is not checked (it is {upload.status}); check it first")
    dataset_name = None if folder.adds_to is not None else catalog.checked_name(name)
    described, tagged = catalog.checked_description(description), catalog.checked_tags(tags)
    staged = _staged(folder)
    require_sound(staged)
    with catalog.CHANGES:
        before = unchanged_dataset(workspace, folder)
        if before is not None:
            require_news(before.manifest, require_sound(staged))
        if dataset_name is not None and not next_version:
            require_free(workspace, dataset_name, staged)
        known = before or catalog.known(workspace, dataset_name or "")
        quotas.require_room(
            workspace, current(workspace), staged_sizes(staged)
        )  # publishing moves the files away
        manifest = publish(staged, workspace.store)
        source = (
            folder.source_in_words([file.name for file in upload.files]) if before is None else before.source
        )
        id_ = name_dataset(
            workspace,
            current(workspace),
            before.name if before is not None else dataset_name or "",
            manifest,
            source,
            description=described,
            tags=tagged,
            change="" if before is None else datasets.what_was_added(before.manifest, manifest),
            provenance=folder.provenance,
        )
    if upload.recognised is not None and upload.reading is not None and dataset_name is not None:
        remember(workspace, upload.recognised, upload.reading, dataset_name)
    discard(workspace, upload_id)
    return catalog.noted_import(workspace, id_, known)


def _staged(folder: UploadFolder) -> Staged:
    record = folder.read(STAGED) or {}
    # There are no digests if an earlier version checked; files that are already stored are gone.
    digests = record.get("digests", {})
    if not record or any(digests.get(name, now) != now for name, now in folder.staged_digests.items()):
        raise InvalidInputError("what the check wrote is damaged; check the upload again")
    manifest = record["manifest"] and DatasetManifest.from_json(record["manifest"])
    return Staged(folder.staged, manifest, tuple(map(Finding.from_json, record["defects"])))


@needs(Action.EDIT)
def discard(workspace: Workspace, upload_id: str) -> None:
    """Stop an upload's step, and remove the upload."""
    _remove(workspace, _folder(workspace, upload_id))


def _remove(workspace: Workspace, folder: UploadFolder) -> None:
    _examiner.stop(folder)
    shutil.rmtree(folder.path, ignore_errors=True)  # a file may still arrive; `clear_old` removes the rest
    quota_of(workspace).close(folder.path.name)


@needs(Action.EDIT)
def open_uploads(workspace: Workspace, person: str) -> list[UploadState]:
    """The uploads of a person that are neither stored nor discarded, the oldest first."""
    states = []
    for upload_id in quota_of(workspace).uploads(person):
        with suppress(UnknownNameError):  # it was stored or discarded in the meantime
            states.append(state(workspace, upload_id))
    return states


def clear_old(workspace: Workspace) -> int:
    """Remove uploads unchanged for a week, or for an hour if they have no files; returns how many."""
    quota, removed = quota_of(workspace), 0
    for path in uploads_folder(workspace.settings.home_path).glob("*"):
        folder = UploadFolder(path)
        if quota.is_arriving(path.name) or _examiner.is_busy(folder):
            continue
        with suppress(FileNotFoundError):  # it is being removed at this moment
            empty = UPLOAD_ID.fullmatch(path.name) and not any(files_below(folder.files))
            if time.time() - folder.touched_at > (KEPT_EMPTY if empty else KEPT):
                _remove(workspace, folder)
                removed += 1
    return removed


def _forget_all(folder: UploadFolder) -> None:
    folder.forget(RECOGNISED, READING, REPORT, ERROR, WRITTEN, folder.unpacked.name, folder.staged.name)


def _folder(workspace: Workspace, upload_id: str) -> UploadFolder:
    folder = UploadFolder(uploads_folder(workspace.settings.home_path) / upload_id)
    if not UPLOAD_ID.fullmatch(upload_id) or not folder.files.is_dir() or folder.project != project():
        raise _gone(upload_id)
    return folder


def _gone(upload_id: str) -> UnknownNameError:
    return UnknownNameError(f"there is no upload {upload_id!r}: it was stored or cleared; start a new one")


def _refuse_busy(folder: UploadFolder) -> None:
    if _examiner.is_busy(folder):
        raise InvalidInputError(BUSY)
