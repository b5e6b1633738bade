"""Uploads, from the first byte to the dataset: with real processes, and nothing half stored."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evaluator.domain.access import MAIN
from evaluator.domain.records import Quotas
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import (
    InvalidInputError,
    QuotaReachedError,
    TooLargeError,
    UnknownNameError,
)
from evaluator.library import catalog, quotas
from evaluator.people import projects
from evaluator.teamwork.activity import activity
from evaluator.uploads import receiving, uploads
from evaluator.uploads.folder import STEP, UploadFolder
from evaluator.uploads.quota import quota_of
from evaluator.workspace.acting import in_project
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.uploads.sending import (
    CORPUS,
    QRELS,
    QUERIES,
    checked,
    files_on_disk,
    recognised,
    send,
    settled,
    zipped,
)


def test_an_upload_may_add_runs_to_a_dataset(workspace: Workspace) -> None:
    """That is its next version, and not another dataset of the same name."""
    files = {"corpus_jsonl": CORPUS, "queries_jsonl": QUERIES, "qrels__test_tsv": QRELS}
    for version, runs in enumerate(({}, {"theirs_run": b"q1 Q0 d2 1 0.5 x\n"}), start=1):
        upload = recognised(workspace, **files, **runs)
        assert checked(workspace, upload).status == "checked"
        row = uploads.store(workspace, upload, "mine")
        assert (row.version, len(row.manifest.runs)) == (version, len(runs))


def test_bad_rows_of_an_upload_are_left_out_on_request(workspace: Workspace) -> None:
    broken = CORPUS + b"not JSON\n"
    upload = recognised(workspace, corpus_jsonl=broken, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
    state = checked(workspace, upload)
    assert state.report and state.report.can_leave_out
    assert state.reading
    uploads.check(workspace, upload, dataclasses.replace(state.reading, repairs=("leave-out-rows",)), False)
    assert settled(workspace, upload).status == "checked"
    row = uploads.store(workspace, upload, "mine")
    assert row.manifest.n_documents == 2
    found = catalog.provenance(workspace, row)
    assert found
    assert found[1].notes[0].code == "left-out-rows"


def test_a_server_that_is_killed_between_storing_and_naming_loses_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = recognised(workspace, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
    assert checked(workspace, upload).status == "checked"
    with monkeypatch.context() as patch:
        patch.setattr("evaluator.uploads.uploads.datasets.save_dataset", killed)
        with pytest.raises(KeyboardInterrupt):
            uploads.store(workspace, upload, "mine")
    assert catalog.all_datasets(workspace) == []
    row = uploads.store(workspace, upload, "mine")
    found = catalog.provenance(workspace, row)
    assert found
    assert [file.name for file in found[1].files] == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]


def test_an_upload_for_which_its_project_has_no_room_stays_and_is_stored_once_there_is(
    workspace: Workspace,
) -> None:
    upload = recognised(workspace, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
    assert checked(workspace, upload).status == "checked"
    quotas.set_limits(workspace, MAIN, Quotas(storage=10))
    for _ in range(2):
        with pytest.raises(QuotaReachedError, match="'main' may store 10 bytes of datasets"):
            uploads.store(workspace, upload, "mine")
    assert uploads.state(workspace, upload).status == "checked"
    quotas.set_limits(workspace, MAIN, Quotas())
    assert uploads.store(workspace, upload, "mine").manifest.n_documents == 2


def test_what_is_stored_in_one_project_is_new_there_whatever_another_has(workspace: Workspace) -> None:
    projects.add(workspace, "web")
    for project in (MAIN, "web"):
        with in_project(project):
            upload = recognised(workspace, corpus_jsonl=CORPUS, queries_jsonl=QUERIES, qrels__test_tsv=QRELS)
            checked(workspace, upload)
            uploads.store(workspace, upload, "mine")
            assert [each.did for each in activity(workspace)] == [Deed.IMPORTED]


def killed(*_: object, **__: object) -> int:
    raise KeyboardInterrupt


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
