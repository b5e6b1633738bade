"""Limits on uploads: on all together, on those of one person, and on each. Arriving bytes are counted under one lock.

An upload holds the files that arrived, and those derived from them: unpacked files and the checked dataset. Room for
derived files is reserved before they are written; the unused part is released.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

from evaluator.errors import QuotaReachedError, TooLargeError, TooManyError, UnknownNameError
from evaluator.settings import Settings
from evaluator.uploads.folder import PERSON, UPLOAD_ID, Held, UploadFolder, uploads_folder
from evaluator.uploads.persons import HERE
from evaluator.workspace.workspace import Workspace

MOST_FILES, MOST_FILES_OF_PERSON = 500_000, 200_000
"""The most files of all open uploads, and of one person's: even an empty file takes an inode, and a disk's number of
inodes is fixed."""


class Usage(NamedTuple):
    """The number of open uploads, and the bytes they hold."""

    uploads: int
    bytes: int


@dataclass
class _Account:
    """The bytes and files of one upload."""

    person: str
    arrived: int = 0
    made: int = 0
    files: int = 0
    """Bytes that arrived."""
    made_files: int = 0
    arriving: int = 0
    """The number of files that are arriving now."""

    @property
    def bytes(self) -> int:
        return self.arrived + self.made

    @property
    def all_files(self) -> int:
        return self.files + self.made_files + self.arriving


class UploadQuota:
    """The open uploads, with their persons, bytes and files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._accounts: dict[str, _Account] = {}

    def open(self, upload_id: str, person: str) -> None:
        """Count a new upload.

        Raises:
            TooManyError: too many uploads are open, of all persons or of this one.
        """
        settings = self._settings
        with self._lock:
            own = sum(account.person == person for account in self._accounts.values())
            if own >= settings.upload_person_open_limit:
                raise TooManyError(
                    f"{own} uploads of yours are open already, as many as EVALUATOR_UPLOAD_PERSON_OPEN_LIMIT allows; "
                    "store or discard one of them first"
                )
            if len(self._accounts) >= settings.upload_open_limit:
                raise TooManyError(
                    f"{len(self._accounts)} uploads are open already, as many as EVALUATOR_UPLOAD_OPEN_LIMIT allows; "
                    "store or discard one, or try again when others have"
                )
            self._accounts[upload_id] = _Account(person)

    def restore(self, upload_id: str, person: str, arrived: Held, made: Held) -> None:
        """Count an upload from before this process, even beyond the limits."""
        with self._lock:
            self._accounts[upload_id] = _Account(person, arrived.bytes, made.bytes, arrived.files, made.files)

    def close(self, upload_id: str) -> None:
        """Stop counting an upload that was removed."""
        with self._lock:
            self._accounts.pop(upload_id, None)

    @contextmanager
    def arriving(self, upload_id: str) -> Iterator[None]:
        """Count a file while it arrives, so that its upload does not look abandoned.

        Raises:
            QuotaReachedError: the person's uploads, or all uploads, may have no more files.
            UnknownNameError: the upload is gone.
        """
        with self._lock:
            account = self._account(upload_id)
            self._require_files(account)
            account.arriving += 1
        try:
            yield
        finally:
            with self._lock:
                if upload_id in self._accounts:
                    self._accounts[upload_id].arriving -= 1

    def is_arriving(self, upload_id: str) -> bool:
        """Whether a file of the upload is arriving."""
        with self._lock:
            return upload_id in self._accounts and self._accounts[upload_id].arriving > 0

    def take(self, upload_id: str, size: int) -> None:
        """Count arriving bytes, before they are written.

        Raises:
            TooLargeError: this upload may not have so many.
            QuotaReachedError: the person's uploads, or all uploads, may not have so many.
            UnknownNameError: the upload is gone.
        """
        with self._lock:
            account = self._account(upload_id)
            self._require(account, size)
            account.arrived += size

    def require(self, upload_id: str, size: int) -> None:
        """Check whether a file of an announced size may be sent.

        Raises:
            TooLargeError, QuotaReachedError, UnknownNameError: see `take`.
        """
        with self._lock:
            self._require(self._account(upload_id), size)

    def count_file(self, upload_id: str) -> None:
        """Count a file that has arrived and replaces none."""
        with self._lock:
            if upload_id in self._accounts:
                self._accounts[upload_id].files += 1

    def give_back(self, upload_id: str, size: int) -> None:
        """Stop counting bytes that arrived and were removed."""
        with self._lock:
            if upload_id in self._accounts:
                self._accounts[upload_id].arrived -= size

    def reserve(self, upload_id: str, size: int) -> None:
        """Count the bytes that a step may write, before it starts; `settle` sets the number written.

        Raises:
            QuotaReachedError: the person's uploads, or all, may not have so many bytes, or have too many files.
            UnknownNameError: the upload is gone.
        """
        with self._lock:
            account = self._account(upload_id)
            self._require_files(account)
            self._require_room(account, size - account.made)
            account.made = size

    def settle(self, upload_id: str, made: Held) -> None:
        """Count the bytes that a step wrote, in place of those reserved."""
        with self._lock:
            if upload_id in self._accounts:
                self._accounts[upload_id].made = made.bytes
                self._accounts[upload_id].made_files = made.files

    def person(self, upload_id: str) -> str:
        """The person whose upload it is.

        Raises:
            UnknownNameError: it is gone.
        """
        with self._lock:
            return self._account(upload_id).person

    def uploads(self, person: str | None = None) -> list[str]:
        """Ids of the uploads that are open, of one person or of all; the oldest first."""
        with self._lock:
            return [id_ for id_, account in self._accounts.items() if person in (None, account.person)]

    def usage(self, person: str | None = None) -> Usage:
        """The usage of one person's uploads, or of all."""
        with self._lock:
            return self._usage(person)

    def _usage(self, person: str | None) -> Usage:
        sizes = [account.bytes for account in self._accounts.values() if person in (None, account.person)]
        return Usage(len(sizes), sum(sizes))

    def _account(self, upload_id: str) -> _Account:
        if upload_id not in self._accounts:
            raise UnknownNameError(
                f"there is no upload {upload_id!r}: it was stored or cleared; start a new one"
            )
        return self._accounts[upload_id]

    def _require(self, account: _Account, size: int) -> None:
        limit = self._settings.upload_limit
        if account.arrived + size > limit:
            raise TooLargeError(
                f"the files are larger than {limit:,} bytes together; compress them (.zip, .gz, .zst), raise "
                "EVALUATOR_UPLOAD_LIMIT, or use `evaluator dataset import`"
            )
        self._require_room(account, size)

    def _require_room(self, account: _Account, size: int) -> None:
        own, all_ = self._usage(account.person).bytes, self._usage(None).bytes
        for whose, used, limit, setting in (
            ("your", own, self._settings.upload_person_bytes, "EVALUATOR_UPLOAD_PERSON_LIMIT"),
            ("all", all_, self._settings.upload_total_bytes, "EVALUATOR_UPLOAD_TOTAL_LIMIT"),
        ):
            if size > 0 and used + size > limit:
                raise QuotaReachedError(
                    f"{size:,} bytes more are too many: {whose} open uploads hold {used:,} of the {limit:,} bytes that "
                    f"they may, unpacked files among them; store or discard one of them, or raise {setting}"
                )

    def _require_files(self, account: _Account) -> None:
        files = [(other.person, other.all_files) for other in self._accounts.values()]
        own, all_ = sum(n for person, n in files if person == account.person), sum(n for _, n in files)
        for whose, used, limit in (("your", own, MOST_FILES_OF_PERSON), ("all", all_, MOST_FILES)):
            if used >= limit:
                raise QuotaReachedError(
                    f"{whose} open uploads have {used:,} files, unpacked ones among them, and may have {limit:,}; "
                    "store or discard one of them, or put the texts into one table"
                )


_quotas: WeakKeyDictionary[Workspace, UploadQuota] = WeakKeyDictionary()
_beginning = threading.Lock()


def quota_of(workspace: Workspace) -> UploadQuota:
    """The workspace's only quota; existing uploads are counted first."""
    with _beginning:
        if workspace not in _quotas:
            _quotas[workspace] = _restored(workspace.settings)
        return _quotas[workspace]


def _restored(settings: Settings) -> UploadQuota:
    quota = UploadQuota(settings)
    paths = uploads_folder(settings.home_path).glob("*")
    upload_paths = [path for path in paths if UPLOAD_ID.fullmatch(path.name) and path.is_dir()]
    for folder in map(UploadFolder, sorted(upload_paths, key=lambda path: path.stat().st_ctime)):
        for partial in folder.incoming.glob("*"):  # its connection ended with the previous process
            partial.unlink()
        person = (folder.read(PERSON) or {}).get("person", HERE)
        quota.restore(folder.path.name, person, folder.arrived, folder.made)
    return quota
