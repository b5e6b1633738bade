"""What a backup's first and last files say: what is in it, and the checksums of all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluator import __version__
from evaluator.artifacts.digests import DATASET_PARTS
from evaluator.domain.json_record import JsonRecord
from evaluator.domain.printable import printable
from evaluator.errors import InvalidInputError
from evaluator.operations.backup.tar import LONGEST_NAME, Member, packed_size
from evaluator.store.file import migrating
from evaluator.store.file.condition import VERSION_LENGTH
from evaluator.store.file.tables import Copied

FORMAT = 1
"""The version of a backup's form; raised when an earlier version of this software could not read it."""
MANIFEST, CHECKSUMS = "backup.json", "sha256sums"
"""The first file and the last one; the last is what `sha256sum --check` reads."""
TABLES, ARTIFACTS = "tables/", "artifacts/"
"""Folders of the other files: the database's tables, and artifacts by their names."""
VECTORS = "vectors"
"""The folder of vectors in the artifact store."""
LARGEST_MANIFEST = 1 << 27
"""Bytes; a backup of a million vector files has less."""

DIGEST = "0" * 64
"""Stands for a SHA-256 of which only the length matters."""

NAME = re.compile(
    rf"{TABLES}[a-z][a-z0-9_]*\.parquet|{ARTIFACTS}({'|'.join((*DATASET_PARTS, VECTORS))})"
    r"(/[A-Za-z0-9][A-Za-z0-9._=-]*)+"
)
NOTHING_DONE = "nothing was changed"


@dataclass(frozen=True)
class Manifest(JsonRecord):
    """What a backup holds.

    Attributes:
        format: the version of its form.
        version: the version of this software that wrote it.
        created_at: when its writing began: in UTC, as ISO 8601 writes it.
        database: what was copied of the database.
        files: the other files, in their order, with bytes; without the checksums.
        missing: artifacts that the database's datasets need and that were missing or damaged.
    """

    format: int
    version: str
    created_at: str
    database: Copied
    files: tuple[Member, ...]
    missing: tuple[str, ...]

    def encoded(self) -> bytes:
        """The bytes of its file."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1).encode()

    def members(self) -> tuple[Member, ...]:
        """All files but the checksums, in their order."""
        return Member(MANIFEST, len(self.encoded())), *self.files

    @property
    def artifacts(self) -> tuple[str, ...]:
        """Names of the artifacts in it."""
        return tuple(
            file.name.removeprefix(ARTIFACTS) for file in self.files if file.name.startswith(ARTIFACTS)
        )


def read_manifest(path: Path, content: bytes) -> Manifest:
    """The manifest of a backup that this software can restore.

    Args:
        path: the backup, for messages.

    Raises:
        InvalidInputError: a newer version wrote it, or it is no manifest.
    """
    try:
        record = json.loads(content)
        if not isinstance(record, dict) or not isinstance(record["format"], int):
            raise ValueError("its manifest has no format")
        _require_format(path, record)
        manifest = Manifest.from_json(record)
        _require_plausible(manifest)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(path, str(error)) from error
    applied, known = manifest.database.migrations, [number for number, _ in migrating.migrations()]
    if applied != tuple(known[: len(applied)]):
        if max(applied) > max(known):
            raise _newer(path, manifest.version)
        raise damaged(path, "its list of migrations has gaps")
    return manifest


def checksums(digests: Mapping[str, str]) -> Iterator[str]:
    """The lines of the last file.

    Args:
        digests: SHA-256 of all other files in hexadecimal digits, by name.
    """
    return (f"{digest}  {name}\n" for name, digest in digests.items())


def packed_bytes(members: tuple[Member, ...]) -> int:
    """Bytes of a backup with these files and their checksums."""
    last = sum(len(line) for line in checksums({member.name: DIGEST for member in members}))
    return packed_size([*(member.size for member in members), last])


def foreign(path: Path) -> InvalidInputError:
    """The error if a file is not a backup at all."""
    return InvalidInputError(
        f"{path} is no backup of this software, or is damaged at its beginning; name a file that `evaluator backup` "
        f"wrote; {NOTHING_DONE}"
    )


def damaged(path: Path, how: str) -> InvalidInputError:
    """The error if a backup is not what was written."""
    return InvalidInputError(
        f"{path} is damaged: {printable(how, 300)}; copy it here again, or restore another backup; {NOTHING_DONE}"
    )


def _require_format(path: Path, record: Mapping[str, object]) -> None:
    if int(str(record["format"])) > FORMAT:
        raise _newer(path, str(record.get("version", "")))


def _newer(path: Path, version: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} was written by a newer version of this software ({printable(version, VERSION_LENGTH)}) than "
        f"{__version__}; restore it with that version; {NOTHING_DONE}"
    )


def _require_plausible(manifest: Manifest) -> None:
    """Check what the types do not say.

    Raises:
        ValueError: it is not so.
    """
    names = [file.name for file in manifest.files]
    for file in manifest.files:
        if not NAME.fullmatch(file.name) or len(file.name) > LONGEST_NAME or file.size < 0:
            raise ValueError(f"no backup holds a file {file.name!r}")
    if len(set(names)) != len(names):
        raise ValueError("it lists a file twice")
    tables = {f"{TABLES}{table}.parquet" for table in manifest.database.tables}
    if tables != {name for name in names if name.startswith(TABLES)}:
        raise ValueError("it lists other tables than it holds")
    if not manifest.database.migrations:
        raise ValueError("it lists no migration")
