"""Extracts the text of a PDF in a separate process, because a malicious PDF can keep its reader busy for days.

This file is also the program of that process: it reads a PDF from its standard input, and imports no other module of
this project.
"""

from __future__ import annotations

import io
import logging
import resource
import subprocess
import sys

MAX_SECONDS = 60
"""Maximum seconds of processor time for one PDF."""

MAX_MEMORY = 2 << 30
"""Maximum bytes of address space."""


def read_pdf(content: bytes) -> str:
    """The text of the pages, divided by blank lines.

    Raises:
        ValueError: the PDF cannot be read, or not within the limits of time and memory.
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
    """Read a PDF from the standard input and write its text to the standard output."""
    from pypdf import PdfReader  # noqa: PLC0415  imported only in the separate process

    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    logging.disable()  # pypdf warns about every flaw that it repairs
    pages = PdfReader(io.BytesIO(sys.stdin.buffer.read())).pages
    text = "\n\n".join(filter(None, (page.extract_text().strip() for page in pages)))
    sys.stdout.buffer.write(text.replace("\0", "").encode(errors="replace"))


if __name__ == "__main__":
    main()
