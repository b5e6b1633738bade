"""Tar archives: every form of the format, and headers made to keep a reader busy for ever."""

from __future__ import annotations

import io
import tarfile

import pytest

from evaluator.datasets.staging.tar import MAX_HEADER, Readable, read_tar

NAMES = ["a.csv", "folder/b.csv", "käse/字.txt", "l" * 120, "deep/" * 40 + "file", "p" * 90 + "/" + "n" * 90]


def packed(files: dict[str, bytes], format_: int, **pax: str) -> bytes:
    """An archive as Python writes it."""
    archive_file = io.BytesIO()
    with tarfile.open(fileobj=archive_file, mode="w", format=format_, pax_headers=pax) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.pax_headers = {"comment": "one file's own"} if format_ == tarfile.PAX_FORMAT else {}
            archive.addfile(entry, io.BytesIO(content))
    return archive_file.getvalue()


def block(name: bytes, kind: bytes, size: bytes) -> bytes:
    """A header of 512 bytes with a right checksum, whatever it says."""
    header = bytearray(512)
    header[: len(name)] = name
    header[100:108], header[124:136], header[156:157] = b"0000644\0", size.rjust(12, b"0"), kind
    header[257:265], header[148:156] = b"ustar\x0000", b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def with_header(content: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    """A file after an extended header of this content."""
    padded = content + bytes(-len(content) % 512)
    return block(b"h", kind, b"%o" % len(content)) + padded + block(b"a", b"0", b"0") + bytes(1024)


def read_all(archive: Readable) -> dict[str, bytes]:
    files = {}
    for entry in read_tar(archive):
        content = bytearray()
        while chunk := entry.content.read(1000):
            content += chunk
        files[entry.name] = bytes(content)
    return files


@pytest.mark.parametrize("format_", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_names_and_contents_are_as_they_were_packed(format_: int) -> None:
    names = NAMES[:3] if format_ == tarfile.USTAR_FORMAT else NAMES
    files = {name: name.encode() * number * 100 for number, name in enumerate(names)}
    assert read_all(io.BytesIO(packed(files, format_))) == files


def test_global_headers_do_not_change_entries() -> None:
    """As `git archive` writes its commit."""
    assert read_all(io.BytesIO(packed({"a": b"x"}, tarfile.PAX_FORMAT, comment="c0ffee"))) == {"a": b"x"}


def test_a_file_that_is_not_read_is_skipped() -> None:
    archive = packed({"a": b"x" * 3_000_000, "b": b"y"}, tarfile.PAX_FORMAT)
    assert [entry.name for entry in read_tar(io.BytesIO(archive))] == ["a", "b"]


def test_an_archive_may_lack_the_blocks_at_its_end() -> None:
    assert read_all(io.BytesIO(block(b"a", b"0", b"1000") + b"x" * 512)) == {"a": b"x" * 512}


def test_kinds() -> None:
    archive_file = io.BytesIO()
    with tarfile.open(fileobj=archive_file, mode="w") as archive:
        for name, kind in (
            ("folder", tarfile.DIRTYPE),
            ("link", tarfile.SYMTYPE),
            ("pipe", tarfile.FIFOTYPE),
        ):
            entry = tarfile.TarInfo(name)
            entry.type = kind
            archive.addfile(entry)
    sparse = with_header(b"25 GNU.sparse.major=1234\n") + block(b"s", tarfile.GNUTYPE_SPARSE, b"0")
    assert [entry.kind for entry in read_tar(io.BytesIO(archive_file.getvalue()))] == [
        "folder",
        "other",
        "other",
    ]
    assert [entry.kind for entry in read_tar(io.BytesIO(sparse))] == ["other"]


class Counted(io.BytesIO):
    """An archive that counts the bytes that are read of it, however often."""

    n_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        self.n_read += len(chunk)
        return chunk


DIGITS = b"1" * 200_000


@pytest.mark.parametrize(
    ("archive", "reason"),
    [
        # CVE-2024-6232: 200 kB took `tarfile` 39 s of processor, a regular expression that begins anew at each digit.
        (with_header(DIGITS), "not well formed"),
        (with_header(b"200000 " + DIGITS), "not well formed"),
        (with_header(b"13 path=abcd\n" + DIGITS), "not well formed"),
        (with_header(b"0 path=a\n"), "not well formed"),
        (with_header(b"-9 path=a\n"), "not well formed"),
        (with_header(b"99 path=a\n"), "not well formed"),
        (with_header("² path=a\n".encode()), "not well formed"),
        (with_header(b"13 size=-512\n"), "not well formed"),
        # CVE-2025-8194: what follows an entry of -512 bytes is that entry again.
        (block(b"a", b"0", b"\xff" * 10 + b"\xfe\x00") + bytes(1024), "negative size"),
        (block(b"h", tarfile.XHDTYPE, b"\xff" * 10 + b"\xfe\x00") + bytes(1024), "a header of -512 bytes"),
        (block(b"h", tarfile.XHDTYPE, b"%o" % (MAX_HEADER + 1)) + bytes(1024), "a header of 1,048,577 bytes"),
        (block(b"h", tarfile.GNUTYPE_LONGNAME, b"77777777777") + bytes(1024), "a header of 8,589,934,591 bytes"),
        (block(b"a", b"0", b"1000") + b"x" * 511, "it ends within a file"),
        (block(b"a", b"0", b"1") + b"x", "it ends too early"),
        (b"", "it ends too early"),
        (b"no archive" * 100, "bad checksum|invalid header"),
    ],
)  # fmt: skip
def test_a_header_that_lies_is_refused_at_once(archive: bytes, reason: str) -> None:
    counted = Counted(archive)
    with pytest.raises(tarfile.TarError, match=reason):
        read_all(counted)
    assert counted.n_read <= len(archive)


def test_digits_in_a_name_are_a_name() -> None:
    """`tarfile` tries every one of them as the length of a record."""
    record = b"200012 path=" + DIGITS + b"\n"
    assert list(read_all(io.BytesIO(with_header(b"%d" % len(record) + record[6:])))) == [DIGITS.decode()]
