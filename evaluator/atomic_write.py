"""Atomic writing: a file appears under its name complete, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evaluator.errors import InvalidInputError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into; it gets its name when the block ends, and is removed after an error.

    Raises:
        InvalidInputError: the file cannot be written there.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        with scratch.open("wb") as file:
            yield file
        scratch.replace(path)
    except OSError as error:
        if error.filename not in (None, str(scratch), str(path)):  # an error of the source, not of this file
            raise
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
