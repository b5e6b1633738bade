"""Archives replaced by what they hold, and those that are refused: nothing of them is left behind."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.datasets.staging import compressed
from evaluator.datasets.staging import unpack as unpacking
from evaluator.datasets.staging.unpack import unpack
from evaluator.errors import DatasetError
from tests.unit.datasets.staging.test_tar import with_header

LIMIT = 1 << 20


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
    return packed


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstd,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def refusal(folder: Path, limit: int = LIMIT) -> str:
    """The message of an unpacking that fails, after which everything is as before."""
    before = contents(folder)
    with pytest.raises(DatasetError) as refused:
        unpack(folder, limit)
    assert contents(folder) == before
    assert {path.name for path in folder.iterdir()} == {name.partition("/")[0] for name in before}
    return str(refused.value)


FILES = {"corpus.csv": b"id,text\n", "qrels/test.tsv": b"q\td\t1\n"}


class TestUnpacked:
    def test_a_zip_becomes_a_folder_of_its_name(self, tmp_path: Path) -> None:
        make_zip(tmp_path / "bread.zip", {**FILES, "__MACOSX/x": b"x", ".DS_Store": b"x"})
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {f"bread/{name}": content for name, content in FILES.items()}

    @pytest.mark.parametrize(
        ("name", "mode"),
        [
            ("a.tar", "w"),
            ("a.tar.gz", "w:gz"),
            ("a.tgz", "w:gz"),
            ("a.tar.bz2", "w:bz2"),
            ("a.tbz2", "w:bz2"),
            ("a.tar.xz", "w:xz"),
            ("a.txz", "w:xz"),
        ],
    )
    def test_tars(self, tmp_path: Path, name: str, mode: str) -> None:
        make_tar(tmp_path / name, {f"./{path}": content for path, content in FILES.items()}, mode)
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {f"a/{path}": content for path, content in FILES.items()}

    def test_a_tar_in_zstd(self, tmp_path: Path) -> None:
        plain = make_tar(tmp_path / "a.tar", FILES)
        (tmp_path / "a.tar.zst").write_bytes(zstd(plain.read_bytes()))
        plain.unlink()
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {f"a/{path}": content for path, content in FILES.items()}

    def test_single_files_lose_their_suffix(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"one") + gzip.compress(b" two"))
        (tmp_path / "b.csv.zst").write_bytes(zstd(b"three") + zstd(b" four"))
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {"a.csv": b"one two", "b.csv": b"three four"}

    def test_one_layer_inside_an_archive(self, tmp_path: Path) -> None:
        inner = make_zip(tmp_path / "inner.zip", FILES)
        files = {"inner.zip": inner.read_bytes(), "a.csv.gz": gzip.compress(b"one")}
        inner.unlink()
        make_zip(tmp_path / "outer.zip", files)
        unpack(tmp_path, LIMIT)
        assert set(contents(tmp_path)) == {"outer/inner.zip", "outer/a.csv"}

    @pytest.mark.parametrize("suffix", COMPRESS)
    def test_single_files(self, tmp_path: Path, suffix: str) -> None:
        compress = COMPRESS[suffix]
        (tmp_path / f"a.csv{suffix}").write_bytes(
            compress(b"id,text\n") + compress(b"d1,a\n")
        )  # as `cat` joins them
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {"a.csv": b"id,text\nd1,a\n"}

    def test_xz_with_padding(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv.xz").write_bytes(lzma.compress(b"a") + bytes(8) + lzma.compress(b"b") + bytes(4))
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {"a.csv": b"ab"}

    def test_names_with_backslashes_are_paths(self, tmp_path: Path) -> None:
        make_zip(tmp_path / "a.zip", {"qrels\\test.tsv": b"x"})
        unpack(tmp_path, LIMIT)
        assert contents(tmp_path) == {"a/qrels/test.tsv": b"x"}


class TestRefused:
    @pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".gz", ".zst", ".bz2", ".xz"])
    def test_bombs(self, tmp_path: Path, suffix: str) -> None:
        zeros = bytes(4 * LIMIT)
        if suffix == ".zip":
            make_zip(tmp_path / "a.zip", {"a": zeros})
        elif suffix == ".tar.gz":
            make_tar(tmp_path / "a.tar.gz", {"a": zeros}, "w:gz")
        else:
            (tmp_path / f"a.csv{suffix}").write_bytes(COMPRESS[suffix](zeros))
        message = refusal(tmp_path)
        assert message.startswith("a.")
        assert "it unpacks to more than 1048576 bytes; leave out" in message
        assert "raise the setting upload_limit" in message

    def test_an_xz_that_asks_for_too_much_memory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compressed, "XZ_MEMORY", 1 << 20)
        (tmp_path / "a.csv.xz").write_bytes(lzma.compress(b"id,text\n", preset=9))
        assert "a.csv.xz: it cannot be unpacked (LZMAError: Memory usage limit" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a.zip", "a.csv.gz"])
    def test_git_lfs_pointers(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
        assert refusal(tmp_path) == (
            f"{name}: it is a Git LFS pointer, not the file itself; run `git lfs pull` where the files were cloned"
        )

    def test_a_zip_that_declares_too_large_a_size_is_not_unpacked(self, tmp_path: Path) -> None:
        make_zip(tmp_path / "a.zip", {"a": b"x", "b": bytes(4 * LIMIT)})
        written: list[str] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(unpacking, "_copy", lambda *_: written.append("a file"))
            assert "it unpacks to more than" in refusal(tmp_path)
        assert written == []

    def test_a_full_disk_is_not_blamed_on_the_archive(self, tmp_path: Path) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        make_zip(tmp_path / "a.zip", {"a": b"x"})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(unpacking, "_copy", full)
            with pytest.raises(OSError, match="No space left"):
                unpack(tmp_path, LIMIT)
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.zip"]

    def test_archives_that_are_too_large_together(self, tmp_path: Path) -> None:
        for name in ("a.zip", "b.zip"):
            make_zip(tmp_path / name, {"x": bytes(LIMIT * 3 // 4)})
        with pytest.raises(DatasetError, match=r"^b\.zip: it unpacks to more"):
            unpack(tmp_path, LIMIT)

    def test_a_directory_that_lies_about_sizes(self, tmp_path: Path) -> None:
        path = make_zip(tmp_path / "a.zip", {"a": bytes(4 * LIMIT)})
        true, small = (4 * LIMIT).to_bytes(4, "little"), (10).to_bytes(4, "little")
        path.write_bytes(path.read_bytes().replace(true, small))
        assert "it cannot be unpacked (BadZipFile" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["../a", "a/../../b", "/etc/a", "C:/a", "..\\a", "a/..", "\\a"])
    def test_names_that_lead_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        make_zip(tmp_path / "a.zip", {name: b"x"})
        assert "leads out of the archive; pack it with relative names" in refusal(tmp_path)
        (tmp_path / "a.zip").unlink()
        make_tar(tmp_path / "a.tar", {name: b"x"})
        assert "leads out of the archive; pack it with relative names" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a\u202egpj.csv", "a\u2066b", "\u200ba", "a\u2028b"])
    def test_names_that_look_like_other_names(self, tmp_path: Path, name: str) -> None:
        """As `a<right-to-left>vsc.exe`, which shows as `aexe.csv`; the message shows them escaped."""
        make_zip(tmp_path / "a.zip", {name: b"x"})
        message = refusal(tmp_path)
        assert "is no name for a file; rename it" in message
        assert message.isprintable()
        (tmp_path / "a.zip").unlink()
        make_tar(tmp_path / "a.tar", {name: b"x"})
        assert "is no name for a file; rename it" in refusal(tmp_path)

    def test_names_that_differ_by_their_normal_form_alone(self, tmp_path: Path) -> None:
        make_zip(tmp_path / "a.zip", {"caf\u00e9": b"x", "cafe\u0301": b"y"})
        assert "is in it twice" in refusal(tmp_path)

    @pytest.mark.parametrize("name", ["a\nb", "x" * 300, "/".join("abcd" * 10), "y/" * 600 + "z", "a\x7f"])
    def test_invalid_names(self, tmp_path: Path, name: str) -> None:
        make_zip(tmp_path / "a.zip", {name: b"x"})
        assert "is no name for a file; rename it" in refusal(tmp_path)

    def test_links_in_a_zip(self, tmp_path: Path) -> None:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(entry, "/etc/passwd")
        assert "'link' is a link or device; pack the file itself" in refusal(tmp_path)

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
    def test_links_and_devices_in_a_tar(self, tmp_path: Path, kind: bytes) -> None:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = kind, "/etc/passwd"
        with tarfile.open(tmp_path / "a.tar", "w") as archive:
            archive.addfile(entry)
        assert "'link' is a link or device; pack the file itself" in refusal(tmp_path)

    def test_a_tar_with_an_endless_header(self, tmp_path: Path) -> None:
        (tmp_path / "a.tgz").write_bytes(gzip.compress(with_header(b"1" * 200_000)))
        assert "a.tgz: it cannot be unpacked (ReadError: it has a header that is" in refusal(tmp_path)

    def test_passwords(self, tmp_path: Path) -> None:
        path = make_zip(tmp_path / "a.zip", {"a": b"x"})
        content = bytearray(path.read_bytes())
        content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the directory
        path.write_bytes(content)
        assert "'a' needs a password; pack it without one" in refusal(tmp_path)

    def test_too_many_entries(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unpacking, "MAX_ENTRIES", 3)
        make_zip(tmp_path / "a.zip", {f"{n}.txt": b"" for n in range(4)})
        assert "a.zip: it has more than 3 entries" in refusal(tmp_path)

    def test_a_file_twice(self, tmp_path: Path) -> None:
        make_tar(tmp_path / "a.tar", {"a": b"x", "./a": b"y"})
        assert "a.tar: a is in it twice" in refusal(tmp_path)

    def test_a_file_that_is_a_folder_too(self, tmp_path: Path) -> None:
        make_zip(tmp_path / "a.zip", {"a": b"x", "a/b": b"y"})
        message = refusal(tmp_path)
        assert "a.zip: it cannot be unpacked" in message
        assert str(tmp_path) not in message

    def test_a_target_that_exists_already(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(b"old")
        (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"new"))
        assert refusal(tmp_path) == "a.csv.gz: a.csv is there already; rename or remove one of them"

    @pytest.mark.parametrize(
        "name",
        [
            "a.zip",
            "a.tar",
            "a.tar.gz",
            "a.tar.zst",
            "a.csv.gz",
            "a.csv.zst",
            "a.csv.bz2",
            "a.csv.xz",
            "a.tar.xz",
        ],
    )
    def test_other_files_under_an_archives_name(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_bytes(b"no archive at all")
        assert f"{name}: it cannot be unpacked (" in refusal(tmp_path)


@pytest.mark.parametrize(
    "name",
    ["a.zip", "a.tar", "a.tgz", "a.tar.zst", "a.csv.gz", "a.csv.zst", "a.csv.bz2", "a.csv.xz", "a.txz"],
)
@given(data=st.data())
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_broken_archive_is_unpacked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    path = folder / name
    if name == "a.zip":
        make_zip(path, FILES)
    else:
        plain = make_tar(folder / "plain", FILES).read_bytes()
        (folder / "plain").unlink()
        compress = {**COMPRESS, ".tar": bytes, ".tgz": gzip.compress, ".txz": lzma.compress}[path.suffix]
        path.write_bytes(compress(plain))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(content), len(content) // 2]))
    path.write_bytes(content[:cut])
    try:
        unpack(folder, LIMIT)
    except DatasetError:
        assert [entry.name for entry in folder.iterdir()] == [name]
    assert not list(folder.parent.glob("corpus.csv"))
