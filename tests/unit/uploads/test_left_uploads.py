"""Uploads that nobody finishes, and those whose files are damaged."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from evaluator.errors import (
    InvalidInputError,
    UploadNotWrittenError,
)
from evaluator.library import catalog
from evaluator.operations import keeper
from evaluator.uploads import uploads
from evaluator.uploads.persons import HERE
from evaluator.uploads.quota import quota_of
from evaluator.workspace.workspace import Workspace
from tests.unit.uploads.sending import CORPUS, QRELS, QUERIES, checked, recognised, send, settled


def age(workspace: Workspace, upload: str, seconds: float) -> None:
    """As if nobody had touched an upload for so long."""
    folder = workspace.settings.home_path / "uploads" / upload
    for path in (*folder.glob("*"), folder):
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_uploads_without_a_file_are_cleared_after_an_hour(workspace: Workspace) -> None:
    empty, with_a_file, coming = (uploads.create(workspace) for _ in range(3))
    send(workspace, with_a_file, "a", b"x")

    async def arriving() -> AsyncIterator[bytes]:
        for upload in (empty, with_a_file, coming):
            age(workspace, upload, 2 * 3600)
        assert uploads.clear_old(workspace) == 1
        yield b"x"

    asyncio.run(uploads.receive(workspace, coming, "a", arriving()))
    assert [state.id for state in uploads.open_uploads(workspace, HERE)] == [with_a_file, coming]


def test_uploads_that_nobody_touched_for_a_week_are_cleared(workspace: Workspace) -> None:
    old, new = uploads.create(workspace), uploads.create(workspace)
    root = workspace.settings.home_path / "uploads"
    week_ago = time.time() - 7 * 24 * 3600 - 60
    for path in (*(root / old).glob("*"), root / old):
        os.utime(path, (week_ago, week_ago))
    assert uploads.clear_old(workspace) == 1
    assert [path.name for path in root.iterdir()] == [new]


def test_abandoned_uploads_are_cleared_while_the_server_runs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "BOUND_EVERY", 0.0)
    upload = uploads.create(workspace)
    age(workspace, upload, 2 * 3600)
    keeper.Keeper(workspace).look()
    assert uploads.open_uploads(workspace, HERE) == []
    assert quota_of(workspace).usage() == (0, 0)


def small_upload(workspace: Workspace) -> str:
    return recognised(workspace, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)


def test_what_was_damaged_after_the_check_is_not_stored(workspace: Workspace) -> None:
    upload = small_upload(workspace)
    assert checked(workspace, upload).status == "checked"
    path = workspace.settings.home_path / "uploads" / upload / "staged" / "corpus.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="what the check wrote is damaged; check the upload again"):
        uploads.store(workspace, upload, "tiny")
    assert catalog.all_datasets(workspace) == []
    checked(workspace, upload)
    assert uploads.store(workspace, upload, "tiny").manifest.n_documents == 2


@pytest.mark.parametrize("how", ["cut off", "flipped"])
@pytest.mark.parametrize(
    ("name", "status"),
    [("step.json", "receiving"), ("recognised.json", "failed"), ("person.json", "recognised")],
)
def test_an_upload_of_which_a_file_is_damaged_hides_no_other(
    tmp_path: Path, workspace: Workspace, name: str, status: str, how: str
) -> None:
    damaged, other = small_upload(workspace), small_upload(workspace)
    folder = tmp_path / "home" / "uploads"
    workspace.close()
    path = folder / damaged / name
    content = path.read_bytes()
    flipped = content[:3] + bytes([content[3] ^ 1]) + content[4:]  # a letter of the first key
    path.write_bytes(flipped if how == "flipped" else b"\0" * 40)  # as a power loss leaves it
    (folder / ("c" * 32)).symlink_to("nowhere")
    with Workspace.open_local(workspace.settings) as later:
        statuses = {state.id: state.status for state in uploads.open_uploads(later, HERE)}
        assert statuses == {damaged: status, other: "recognised"}
        uploads.recognise(later, damaged)
        assert settled(later, damaged).status == "recognised"


def test_a_file_that_is_larger_than_the_system_takes(workspace: Workspace) -> None:
    upload, before = uploads.create(workspace), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(
            UploadNotWrittenError, match=r"a file is larger than may be written below the server's"
        ):
            send(workspace, upload, "a.csv", b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert uploads.state(workspace, upload).files == ()
    assert quota_of(workspace).usage() == (1, 0)


@pytest.mark.parametrize("stands_in", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
@pytest.mark.parametrize(("name", "status"), [("step.json", "receiving"), ("person.json", "recognised")])
def test_an_upload_with_a_folder_in_a_files_place_hides_no_other(
    tmp_path: Path, workspace: Workspace, name: str, status: str, stands_in: Callable[[Path], None]
) -> None:
    """The server did not start: it gave up at a folder, and waited for a pipe."""
    damaged, other = small_upload(workspace), small_upload(workspace)
    path = tmp_path / "home" / "uploads" / damaged / name
    workspace.close()
    path.unlink()
    stands_in(path)
    with Workspace.open_local(workspace.settings) as later:
        statuses = {state.id: state.status for state in uploads.open_uploads(later, HERE)}
        assert statuses == {damaged: status, other: "recognised"}
        uploads.discard(later, damaged)
        assert not path.parent.exists()
