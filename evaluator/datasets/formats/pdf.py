"""The text of a PDF, read by a process of its own: a PDF can be made to keep its reader busy for days.

This file is that process's program, too: it reads a PDF from its input, and imports nothing of ours.
"""

from __future__ import annotations

import io
import logging
import resource
import subprocess
import sys

MAX_SECONDS = 60
"""Of computing for one PDF."""

MAX_MEMORY = 2 << 30
"""Bytes of address space."""


def read_pdf(content: bytes) -> str:
    """The text of the pages, divided by blank lines.

    Raises:
        ValueError: it cannot be read, or not within time and memory.
    """
    try:
        reader = subprocess.run(  # noqa: S603  this file
            [sys.executable, "-I", __file__], input=content, capture_output=True, timeout=2 * MAX_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"it takes longer than {MAX_SECONDS} s to read") from error
    if reader.returncode < 0:
        raise ValueError(f"it takes longer than {MAX_SECONDS} s, or too much memory, to read")
    if reader.returncode > 0:
        raise ValueError(reader.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    return reader.stdout.decode()


def main() -> None:
    """Write the text of the PDF in the input to the output."""
    from pypdf import PdfReader  # noqa: PLC0415  only in a process of its own

    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    logging.disable()  # it warns of every oddity that it mends
    pages = PdfReader(io.BytesIO(sys.stdin.buffer.read())).pages
    text = "\n\n".join(filter(None, (page.extract_text().strip() for page in pages)))
    sys.stdout.buffer.write(text.replace("\0", "").encode(errors="replace"))


if __name__ == "__main__":
    main()
