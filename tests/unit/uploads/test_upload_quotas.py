"""What uploads may take, in bytes and in numbers, by upload, by person and in all."""

from __future__ import annotations

import errno
import io
import zipfile
from pathlib import Path

import pytest

from evaluator.errors import (
    QuotaReachedError,
    TooManyError,
)
from evaluator.uploads import quota, uploads
from evaluator.uploads.folder import UploadFolder
from evaluator.uploads.quota import quota_of
from evaluator.workspace.workspace import Workspace
from tests.unit.uploads.sending import files_on_disk, recognised, send, settled, zipped


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
