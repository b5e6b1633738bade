"""Files for people: one appears under its name once it is whole, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evaluator.errors import InvalidInputError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes its name on the way out, and is gone if an error leads there.

    Raises:
        InvalidInputError: it cannot be written there.
    """
    scratch = path.with_name(f".{path.name}.part")
    try:
        with scratch.open("wb") as file:
            yield file
        scratch.replace(path)
    except OSError as error:
        if error.filename not in (None, str(scratch), str(path)):  # what is written is read from there
            raise
        raise InvalidInputError(
            f"{path} cannot be written: {error.strerror}; choose another place"
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
