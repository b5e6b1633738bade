"""Uploads, from the first byte to the dataset: with real processes, and nothing half stored."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import resource
import time
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from evaluator.errors import (
    InvalidInputError,
    QuotaReachedError,
    TooLargeError,
    TooManyError,
    UnknownNameError,
    UploadNotWrittenError,
)
from evaluator.library import catalog
from evaluator.operations import keeper
from evaluator.settings import Settings
from evaluator.uploads import quota, receiving, uploads
from evaluator.uploads.folder import PERSON, STEP, UploadFolder
from evaluator.uploads.persons import HERE
from evaluator.uploads.quota import quota_of
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace
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
    """What is left of all uploads, beside whose they are."""
    root = workspace.settings.home_path / "uploads"
    files = (path for path in root.rglob("*") if path.is_file() and path.name != PERSON)
    return sorted(str(path.relative_to(root)) for path in files)


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
        assert catalog.all_datasets(workspace) == []  # nothing is stored until a person says so

        catalog.import_folder(workspace, write_dataset("other", qrels={0: {0: 1}}))
        with pytest.raises(InvalidInputError, match="another dataset is called 'other'"):
            uploads.store(workspace, upload, "other")
        same = catalog.import_folder(workspace, folder, "aero")

        row = uploads.store(workspace, upload, " aero ", "Ten topics.", ["tests"])
        assert (row.name, row.description, row.tags) == ("aero", "Ten topics.", ("tests",))
        assert (row.manifest, row.version) == (same.manifest, 1)
        assert catalog.load(workspace, row).doc_ids == [f"d{n}" for n in range(10)]
        assert files_on_disk(workspace) == []
        with pytest.raises(UnknownNameError, match="it was stored or cleared"):
            uploads.state(workspace, upload)

    def test_blocking_problems_prevent_storing_until_the_file_is_fixed(self, workspace: Workspace) -> None:
        broken = CORPUS + b"not JSON\n"
        upload = recognised(workspace, corpus_jsonl=broken, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
        state = checked(workspace, upload)
        assert state.status == "checked"
        assert state.report is not None
        assert state.report.blocking
        assert "corpus.jsonl:3" in str(state.report.findings[0].examples)
        with pytest.raises(InvalidInputError, match=r"corpus\.jsonl:3"):
            uploads.store(workspace, upload, "broken")
        assert catalog.all_datasets(workspace) == []

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

    def test_an_interruption_by_the_server_is_reported(self, workspace: Workspace) -> None:
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

    def test_files_that_arrive_side_by_side_share_one_limit(self, workspace: Workspace) -> None:
        """Ten of 6,000 bytes each, none of which is whole before all have begun; 10,000 are allowed."""
        upload = uploads.create(workspace)
        all_begun = asyncio.Barrier(10)

        async def arriving() -> AsyncIterator[bytes]:
            yield b"x" * 1_000
            await all_begun.wait()
            yield b"x" * 5_000

        async def send_all() -> list[object]:
            sending = (uploads.receive(workspace, upload, f"{n}", arriving()) for n in range(10))
            return await asyncio.gather(*sending, return_exceptions=True)

        refused = [answer for answer in asyncio.run(send_all()) if isinstance(answer, TooLargeError)]
        size = uploads.state(workspace, upload).bytes
        assert (size <= 10_000, len(refused) >= 9) == (True, True)
        assert quota_of(workspace).usage() == (1, size)  # nothing of the others stayed, nor is counted

    def test_a_file_in_the_place_of_another_gives_back_its_room(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)
        for _ in range(5):
            send(workspace, upload, "a", b"x" * 5_000)
        send(workspace, upload, "b", b"x" * 5_000)
        with pytest.raises(TooLargeError):
            send(workspace, upload, "c", b"x")

    def test_receiving_fails_when_the_sender_stops_sending(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def silent() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        monkeypatch.setattr(receiving, "SILENCE", 0.0)
        upload = uploads.create(workspace)
        with pytest.raises(InvalidInputError, match="nothing of the file came for 0 seconds; send it again"):
            asyncio.run(uploads.receive(workspace, upload, "a", silent()))
        assert files_on_disk(workspace) == []

    def test_an_upload_that_is_discarded_while_a_file_comes_is_gone(self, workspace: Workspace) -> None:
        upload = uploads.create(workspace)

        async def arriving() -> AsyncIterator[bytes]:
            yield b"x"
            uploads.discard(workspace, upload)
            yield b"x"

        with pytest.raises(UnknownNameError, match="there is no upload"):
            asyncio.run(uploads.receive(workspace, upload, "a", arriving()))
        assert files_on_disk(workspace) == []
        assert quota_of(workspace).usage() == (0, 0)

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


class TestWhatAllMayTake:
    def test_the_bytes_of_a_person_and_of_all_are_bounded(self, workspace: Workspace) -> None:
        """100,000 bytes a person and 250,000 in all: ten and 25 times what one upload may have."""
        own = [uploads.create(workspace, "ada") for _ in range(11)]
        for upload in own[:10]:
            send(workspace, upload, "a", b"x" * 10_000)
        expected = "your open uploads hold 100,000 of the 100,000 bytes that they may.*PERSON_LIMIT"
        with pytest.raises(QuotaReachedError, match=expected):
            send(workspace, own[10], "a", b"x")
        with pytest.raises(QuotaReachedError, match=expected):
            uploads.require_room(workspace, own[10], 1)

        for person in ("ben", "cleo"):
            for _ in range(10 if person == "ben" else 5):
                send(workspace, uploads.create(workspace, person), "a", b"x" * 10_000)
        last = uploads.create(workspace, "dora")
        with pytest.raises(
            QuotaReachedError, match=r"all open uploads hold 250,000 of the 250,000.*TOTAL_LIMIT"
        ):
            send(workspace, last, "a", b"x")
        uploads.discard(workspace, own[0])
        send(workspace, last, "a", b"x" * 10_000)

    def test_the_number_of_open_uploads_is_bounded(self, workspace: Workspace) -> None:
        for person in ("ada", "ben", "cleo", "dora", "eve"):
            own = [uploads.create(workspace, person) for _ in range(20)]
            with pytest.raises(TooManyError, match="20 uploads of yours are open already"):
                uploads.create(workspace, person)
        with pytest.raises(TooManyError, match="100 uploads are open already"):
            uploads.create(workspace, "fay")
        uploads.discard(workspace, own[0])
        uploads.create(workspace, "fay")
        folders = [path for path in (workspace.settings.home_path / "uploads").iterdir() if path.is_dir()]
        assert len(folders) == 100

    def test_what_is_unpacked_counts(self, workspace: Workspace) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("corpus.txt", "word " * 6_000)
        upload = recognised(workspace, texts_zip=packed.getvalue())
        assert quota_of(workspace).usage() == (1, 30_000 + len(packed.getvalue()))
        uploads.discard(workspace, upload)
        assert quota_of(workspace).usage() == (0, 0)

    def test_without_room_for_what_is_unpacked_nothing_is_begun(self, workspace: Workspace) -> None:
        for _ in range(7):
            send(workspace, uploads.create(workspace), "a", b"x" * 9_000)
        upload = uploads.create(workspace)
        send(workspace, upload, "a.zip", b"PK")  # may unpack to 40,000
        with pytest.raises(QuotaReachedError, match="unpacked files among them"):
            uploads.recognise(workspace, upload)
        assert uploads.state(workspace, upload).status == "receiving"

    def test_empty_files_count_too(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(quota, "MOST_FILES_OF_PERSON", 3)
        monkeypatch.setattr(quota, "MOST_FILES", 5)
        first, second, other = (uploads.create(workspace, person) for person in ("ada", "ada", "ben"))
        for upload, name in ((first, "a"), (first, "b"), (first, "b"), (second, "a")):  # one of them twice
            send(workspace, upload, name, b"")
        with pytest.raises(QuotaReachedError, match=r"your open uploads have 3 files, .* may have 3; store"):
            send(workspace, second, "b", b"")
        send(workspace, other, "a", b"")
        send(workspace, other, "b", b"")
        with pytest.raises(QuotaReachedError, match="all open uploads have 5 files"):
            send(workspace, other, "c", b"")
        monkeypatch.setattr(quota, "_quotas", {})  # a server that starts again
        with pytest.raises(QuotaReachedError, match="your open uploads have 3 files"):
            send(workspace, second, "b", b"")
        uploads.discard(workspace, first)
        send(workspace, second, "b", b"")

    def test_what_broke_off_counts_no_more(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quota, "MOST_FILES_OF_PERSON", 1)
        upload = uploads.create(workspace)
        with pytest.raises(ConnectionError):
            send(workspace, upload, "a", b"x", ConnectionError())
        send(workspace, upload, "a", b"x")

    def test_unpacked_files_count_too(
        self, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quota, "MOST_FILES_OF_PERSON", 5)
        (tmp_path / "many").mkdir()
        for number in range(4):
            (tmp_path / "many" / f"{number}.txt").touch()
        upload = uploads.create(workspace)
        send(workspace, upload, "many.zip", zipped(tmp_path / "many"))
        uploads.recognise(workspace, upload)
        settled(workspace, upload)
        with pytest.raises(QuotaReachedError, match="your open uploads have 5 files"):
            send(workspace, upload, "b", b"")

    def test_a_step_that_cannot_begin_reserves_nothing(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        upload = uploads.create(workspace)
        send(workspace, upload, "a.zip", b"PK")
        monkeypatch.setattr(UploadFolder, "write", full)
        with pytest.raises(OSError, match="No space left"):
            uploads.recognise(workspace, upload)
        assert quota_of(workspace).usage() == (1, 2)

    def test_a_server_that_starts_again_knows_what_is_there(
        self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = uploads.create(workspace, "ada")
        send(workspace, upload, "a", b"x" * 6_000)
        folder = UploadFolder(workspace.settings.home_path / "uploads" / upload)
        (folder.incoming / "left").write_bytes(b"x" * 1_000)  # its sender's connection broke with the server
        monkeypatch.setattr(quota, "_quotas", {})
        assert quota_of(workspace).usage("ada") == (1, 6_000)
        assert files_on_disk(workspace) == [f"{upload}/files/a"]
        assert [state.id for state in uploads.open_uploads(workspace, "ada")] == [upload]
        assert uploads.open_uploads(workspace, "ben") == []


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
