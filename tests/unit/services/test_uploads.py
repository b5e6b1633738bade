"""Uploads, from the first byte to the dataset: with real processes, and nothing half stored."""

from __future__ import annotations

import asyncio
import io
import os
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from evaluator.errors import InvalidInputError, TooLargeError, UnknownNameError
from evaluator.services import datasets, uploads
from evaluator.services.upload_folder import STEP, UploadFolder
from evaluator.services.uploads import UploadState
from evaluator.services.workspace import Workspace
from evaluator.settings import Settings
from tests.conftest import WriteDataset

CORPUS = b'{"_id": "d1", "text": "first"}\n{"_id": "d2", "text": "second"}\n'
QUERIES = b'{"_id": "q1", "text": "which"}\n'
QRELS = b"query-id\tcorpus-id\tscore\nq1\td1\t1\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A database and a store; an upload may have 10,000 bytes."""
    with Workspace.open_local(Settings(home=tmp_path / "home", upload_limit=10_000)) as opened:
        yield opened


def send(workspace: Workspace, upload: str, name: str, *chunks: bytes | Exception) -> None:
    """Send a file in chunks; an exception is where the connection breaks off."""

    async def arriving() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    asyncio.run(uploads.receive(workspace, upload, name, arriving()))


def settled(workspace: Workspace, upload: str) -> UploadState:
    """The state once nothing goes on any more."""
    deadline = time.monotonic() + 30
    while (state := uploads.state(workspace, upload)).status in ("recognising", "checking"):
        assert time.monotonic() < deadline, state
        time.sleep(0.01)
    return state


def recognised(workspace: Workspace, **files: bytes) -> str:
    """An upload whose files are recognised; `__` in a name is a slash, `_` a dot."""
    upload = uploads.create(workspace)
    for name, content in files.items():
        send(workspace, upload, name.replace("__", "/").replace("_", "."), content)
    uploads.recognise(workspace, upload)
    assert settled(workspace, upload).status == "recognised"
    return upload


def checked(workspace: Workspace, upload: str, *, exclude_self: bool = False) -> UploadState:
    """The state after the check, with the reading that was recognised."""
    reading = uploads.state(workspace, upload).recognised
    assert reading is not None
    assert reading.reading is not None
    uploads.check(workspace, upload, reading.reading, exclude_self)
    return settled(workspace, upload)


def files_on_disk(workspace: Workspace) -> list[str]:
    """What is left of all uploads."""
    root = workspace.settings.home_path / "uploads"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def zipped(folder: Path) -> bytes:
    """A folder as a zip."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return written.getvalue()


def test_an_upload_may_add_runs_to_a_dataset(workspace: Workspace) -> None:
    """That is its next version, and not another dataset of the same name."""
    files = {"corpus_jsonl": CORPUS, "queries_jsonl": QUERIES, "qrels__test_tsv": QRELS}
    for version, runs in enumerate(({}, {"theirs_run": b"q1 Q0 d2 1 0.5 x\n"}), start=1):
        upload = recognised(workspace, **files, **runs)
        assert checked(workspace, upload).status == "checked"
        row = uploads.store(workspace, upload, "mine")
        assert (row.version, len(row.manifest.runs)) == (version, len(runs))


class TestTheWayOfAnUpload:
    def test_a_zip_becomes_the_dataset_that_its_folder_is(
        self, workspace: Workspace, write_dataset: WriteDataset
    ) -> None:
        folder = write_dataset("tiny")
        upload = uploads.create(workspace)
        assert uploads.state(workspace, upload).status == "receiving"
        send(workspace, upload, "tiny.zip", zipped(folder))
        uploads.recognise(workspace, upload)
        state = settled(workspace, upload)
        assert (state.status, state.error) == ("recognised", None)
        assert [file.name for file in state.files] == ["tiny.zip"]

        state = checked(workspace, upload)
        assert state.status == "checked"
        assert state.report is not None
        assert (state.report.n_documents, state.report.n_queries, state.report.n_judgments) == (10, 10, 10)
        assert datasets.all_datasets(workspace) == []  # nothing is stored until a person says so

        datasets.import_folder(workspace, write_dataset("other", qrels={0: {0: 1}}))
        with pytest.raises(InvalidInputError, match="another dataset is called 'other'"):
            uploads.store(workspace, upload, "other")
        same = datasets.import_folder(workspace, folder, "aero")

        row = uploads.store(workspace, upload, " aero ", "Ten topics.", ["tests"])
        assert (row.name, row.description, row.tags) == ("aero", "Ten topics.", ("tests",))
        assert (row.manifest, row.version) == (same.manifest, 1)
        assert datasets.load(workspace, row).doc_ids == [f"d{n}" for n in range(10)]
        assert files_on_disk(workspace) == []
        with pytest.raises(UnknownNameError, match="it was stored or cleared"):
            uploads.state(workspace, upload)

    def test_what_blocks_cannot_be_stored_until_the_file_is_mended(self, workspace: Workspace) -> None:
        broken = CORPUS + b"not JSON\n"
        upload = recognised(workspace, corpus_jsonl=broken, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
        state = checked(workspace, upload)
        assert state.status == "checked"
        assert state.report is not None
        assert state.report.blocking
        assert "corpus.jsonl:3" in str(state.report.findings[0].examples)
        with pytest.raises(InvalidInputError, match="the dataset cannot be stored"):
            uploads.store(workspace, upload, "broken")
        assert datasets.all_datasets(workspace) == []

        send(workspace, upload, "corpus.jsonl", CORPUS)
        state = uploads.state(workspace, upload)
        assert (state.status, state.recognised, state.report) == ("receiving", None, None)
        uploads.recognise(workspace, upload)
        assert settled(workspace, upload).status == "recognised"
        state = checked(workspace, upload, exclude_self=True)
        assert state.exclude_self
        row = uploads.store(workspace, upload, "mended")
        assert row.manifest.exclude_self
        assert row.source == "upload: corpus.jsonl, qrels/test.tsv, queries.jsonl"

    def test_a_broken_archive_fails_with_its_reason(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        send(workspace, upload, "cut.zip", b"PK\x03\x04 and no more")
        uploads.recognise(workspace, upload)
        state = settled(workspace, upload)
        assert state.status == "failed"
        assert state.error is not None
        assert state.error.startswith("cut.zip")

    def test_a_hub_is_asked_for_nothing_on_this_machine(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The hub's library takes a name for a folder, where there is one."""
        (tmp_path / "private").mkdir()
        (tmp_path / "private" / "notes").mkdir()
        (tmp_path / "private" / "notes" / "corpus.jsonl").write_bytes(CORPUS)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        state = settled(workspace, uploads.fetch(workspace, "hf:private/notes"))
        assert state.status == "failed"
        assert state.error is not None
        assert state.error.startswith("hf:private/notes")

    def test_the_order_of_the_steps_is_kept(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        with pytest.raises(InvalidInputError, match="no file has arrived yet"):
            uploads.recognise(workspace, upload)
        with pytest.raises(InvalidInputError, match="it is receiving"):
            uploads.store(workspace, upload, "early")

    def test_a_server_that_stopped_meanwhile_is_said(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        send(workspace, upload, "corpus.jsonl", CORPUS)
        folder = UploadFolder(workspace.settings.home_path / "uploads" / upload)
        folder.write(STEP, {"step": "recognise"})  # asked for, and nobody works on it
        state = uploads.state(workspace, upload)
        assert (state.status, state.error) == (
            "failed",
            "interrupted: the server stopped meanwhile; start again",
        )


class TestReceiving:
    def test_more_than_the_limit_is_refused_and_leaves_nothing(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        send(workspace, upload, "a", b"x" * 6_000)
        with pytest.raises(TooLargeError, match="larger than 10,000 bytes together"):
            send(workspace, upload, "b", b"x" * 3_000, b"x" * 1_001)
        send(workspace, upload, "b", b"x" * 3_000, b"x" * 1_000)
        with pytest.raises(TooLargeError, match="EVALUATOR_UPLOAD_LIMIT"):
            uploads.require_room(workspace, upload, 1)
        assert files_on_disk(workspace) == [f"{upload}/files/a", f"{upload}/files/b"]

    def test_a_connection_that_breaks_off_leaves_nothing(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        with pytest.raises(ConnectionError):
            send(workspace, upload, "a", b"x" * 6_000, ConnectionError())
        assert files_on_disk(workspace) == []
        assert uploads.state(workspace, upload).files == ()

    def test_names_that_lead_elsewhere_or_collide_are_refused(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        send(workspace, upload, "data/corpus.jsonl", CORPUS)
        for name in ("../corpus.jsonl", "data/Corpus.jsonl", "data"):
            with pytest.raises(InvalidInputError, match="rename"):
                send(workspace, upload, name, CORPUS)
        assert files_on_disk(workspace) == [f"{upload}/files/data/corpus.jsonl"]

    @pytest.mark.parametrize("upload", ["", "..", "../../etc", "f" * 32, "F" * 32])
    def test_an_upload_that_is_not_there_is_unknown(self, workspace: Workspace, upload: str) -> None:
        with pytest.raises(UnknownNameError, match="there is no upload"):
            uploads.state(workspace, upload)


def test_uploads_that_nobody_touched_for_a_week_are_cleared(workspace: Workspace) -> None:
    old, new = uploads.create(workspace), uploads.create(workspace)
    root = workspace.settings.home_path / "uploads"
    week_ago = time.time() - 7 * 24 * 3600 - 60
    for path in (*(root / old).glob("*"), root / old):
        os.utime(path, (week_ago, week_ago))
    assert uploads.clear_old(workspace.settings) == 1
    assert [path.name for path in root.iterdir()] == [new]
