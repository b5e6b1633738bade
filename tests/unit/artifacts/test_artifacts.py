"""The artifact store: written once, seen whole or not at all, on a folder and on a remote file system."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from evaluator.artifacts.digests import DIGESTS
from evaluator.artifacts.store import TEMPORARY, ArtifactStore
from evaluator.errors import ArtifactMissingError, InvalidInputError

OpenStore = Callable[[], ArtifactStore]


class Listing(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory that every instance shares; each remembers listings by fsspec's rules, as s3fs does.

    What a remembered listing lacks is missing. What an instance writes itself, it sees.
    """

    protocol = "listing"
    cachable = False  # every store is another machine's

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix("listing:")))

    def ls(self, path: str, detail: bool = True, **options: Any) -> Any:
        path = self._strip_protocol(path)
        found = self._ls_from_cache(path)
        if found is None:
            found = self.dircache[path] = super().ls(path, detail=True)
        return found if detail else [entry["name"] for entry in found]

    def info(self, path: str, **options: Any) -> Any:
        path = self._strip_protocol(path)
        for entry in self._ls_from_cache(path) or ():
            if entry["name"] == path:
                return entry
        return super().info(path)

    def exists(self, path: str, **options: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            self.invalidate_cache(path)
        return super()._open(path, mode, **options)

    def invalidate_cache(self, path: str | None = None) -> None:
        if path is None:
            self.dircache.clear()
        while path and path != "/":
            path = self._strip_protocol(path)
            self.dircache.pop(path, None)
            path = self._parent(path)
        super().invalidate_cache(path)


fsspec.register_implementation("listing", Listing, clobber=True)


@pytest.fixture(params=["folder", "memory", "listing"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Opens one store again and again, each time with a cache of its own, as workers on several machines do."""
    url = str(tmp_path / "store") if request.param == "folder" else f"{request.param}://{uuid.uuid4().hex}"
    return lambda: ArtifactStore(url, cache=tmp_path / uuid.uuid4().hex)


@pytest.fixture
def store(open_store: OpenStore) -> ArtifactStore:
    return open_store()


def writing(text: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    return write


def half_way(path: Path) -> None:
    path.write_text("half", encoding="utf-8")
    raise RuntimeError("the disk is on fire")


def files(store: ArtifactStore) -> set[str]:
    """Every file in the store, temporary ones too; digests aside, of which each artifact has one, and nothing else."""
    fs, root = fsspec.core.url_to_fs(store.url)
    found = {path.removeprefix(root).lstrip("/") for path in fs.find(root)}
    digests = {name for name in found if name.startswith(f"{DIGESTS}/")}
    artifacts = {name for name in found - digests if not name.startswith(f"{TEMPORARY}/")}
    of_artifacts = [digest.removeprefix(f"{DIGESTS}/").rpartition("/")[0] for digest in digests]
    assert sorted(of_artifacts) == sorted(artifacts)
    return found - digests


def test_what_is_put_can_be_read(store: ArtifactStore) -> None:
    store.put("vectors/ab12/0.npy", writing("numbers"))
    assert store.exists("vectors/ab12/0.npy")
    assert store.local_path("vectors/ab12/0.npy").read_text() == "numbers"
    assert files(store) == {"vectors/ab12/0.npy"}


def test_json_survives(store: ArtifactStore) -> None:
    value = {"name": "größe", "items": [1, 2.5, None, True]}
    store.put_json("specs/ab12.json", value)
    assert store.read_json("specs/ab12.json") == value


def test_every_worker_sees_what_one_has_written(open_store: OpenStore) -> None:
    writer, reader = open_store(), open_store()
    assert not reader.exists("a/b")
    writer.put("a/b", writing("x"))
    assert reader.exists("a/b")
    assert reader.local_path("a/b").read_text() == "x"


def test_what_another_machine_wrote_since_is_seen(open_store: OpenStore) -> None:
    """Whatever was looked at before: an object store's client remembers listings of folders."""

    def never(_path: Path) -> None:
        raise AssertionError("it is written already")

    looks: dict[str, Callable[[ArtifactStore, str], object]] = {
        "exists": lambda store, name: store.exists(name),
        "size": lambda store, name: store.size(name) == 1,
        "local_path": lambda store, name: store.local_path(name).read_text() == "x",
        "read_bytes": lambda store, name: store.read_bytes(name) == b"x",
        "names": lambda store, name: Path(name).name in store.names("a"),
        "sizes": lambda store, name: store.sizes("a")[name] == 1,
        "put": lambda store, name: store.put(name, never),
        "remove": lambda store, name: store.remove(name),
    }
    writer, reader = open_store(), open_store()
    writer.put("a/first", writing("1"))
    for look, sees in looks.items():
        assert "first" in reader.names("a")
        assert not reader.exists(f"a/{look}")
        writer.put(f"a/{look}", writing("x"))
        assert sees(reader, f"a/{look}") in (True, None), look
    assert reader.names("b") == set()
    writer.put("b/third", writing("333"))
    assert reader.names("b") == {"third"}


def test_a_file_system_that_lists_from_memory_misses_what_others_write(tmp_path: Path) -> None:
    """What the store is tried with above does what object stores' clients do."""
    fs = fsspec.filesystem("listing")
    store = ArtifactStore(f"listing://{uuid.uuid4().hex}", cache=tmp_path)
    store.put("a/first", writing("1"))
    path = f"/{store.url.removeprefix('listing://')}/a"
    assert fs.ls(path, detail=False) == [f"{path}/first"]
    store.put("a/second", writing("2"))
    assert not fs.exists(f"{path}/second")


def test_the_first_writer_wins(open_store: OpenStore) -> None:
    open_store().put("a/b", writing("first"))

    def never(_path: Path) -> None:
        raise AssertionError("what is there already is not written again")

    open_store().put("a/b", never)
    assert open_store().local_path("a/b").read_text() == "first"


def test_the_writer_that_finishes_first_wins(open_store: OpenStore) -> None:
    def overtaken(path: Path) -> None:
        path.write_text("slow")
        open_store().put("a/b", writing("fast"))

    open_store().put("a/b", overtaken)
    assert open_store().local_path("a/b").read_text() == "fast"
    assert files(open_store()) == {"a/b"}


def test_a_write_that_fails_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(RuntimeError, match="on fire"):
        store.put("a/b", half_way)
    assert not store.exists("a/b")
    assert store.names("a") == set()
    assert files(store) == set()
    store.put("a/b", writing("whole"))
    assert store.local_path("a/b").read_text() == "whole"


def test_names_are_those_directly_inside_a_folder(open_store: OpenStore) -> None:
    store, other = open_store(), open_store()
    assert store.names("vectors") == set()
    other.put("vectors/1.npy", writing("x"))
    assert store.names("vectors") == {"1.npy"}
    other.put("vectors/2.npy", writing("x"))
    other.put("vectors/deep/3.npy", writing("x"))
    other.put("elsewhere/4.npy", writing("x"))
    assert store.names("vectors") == {"1.npy", "2.npy", "deep"}


def test_what_is_missing_is_named(store: ArtifactStore) -> None:
    for read in (store.local_path, store.read_json):
        with pytest.raises(ArtifactMissingError, match="the artifact a/b is not in the store"):
            read("a/b")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "a b",
        "a\n",
        "a\\b",
        "s3://b/x",
        "ä",
    ],
)
def test_names_that_could_leave_the_store_are_refused(store: ArtifactStore, name: str) -> None:
    for use in (store.exists, store.names, store.local_path, lambda name: store.put(name, writing("x"))):
        with pytest.raises(ValueError, match="is not an artifact name"):
            use(name)
    assert files(store) == set()


def test_a_local_artifact_is_read_where_it_lies(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"), cache=tmp_path / "cache")
    store.put("a/b", writing("x"))
    assert store.local_path("a/b") == tmp_path / "store" / "a" / "b"
    assert not (tmp_path / "cache").exists()


def test_a_remote_artifact_is_copied_once(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    store = ArtifactStore(url, cache=tmp_path)
    store.put("a/b", writing("x"))
    copy = store.local_path("a/b")
    assert copy.is_relative_to(tmp_path)
    fs, root = fsspec.core.url_to_fs(url)
    fs.rm(root, recursive=True)
    assert store.local_path("a/b") == copy
    assert copy.read_text() == "x"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [copy]


def test_stores_that_share_a_cache_keep_apart(tmp_path: Path) -> None:
    one, other = (ArtifactStore(f"memory://{uuid.uuid4().hex}", cache=tmp_path) for _ in range(2))
    one.put("a/b", writing("one"))
    other.put("a/b", writing("other"))
    assert (one.local_path("a/b").read_text(), other.local_path("a/b").read_text()) == ("one", "other")


def test_the_bytes_are_on_the_disk_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synchronized: list[tuple[str, bool]] = []
    target = tmp_path / "a" / "b"

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synchronized.append((str(path.parent.relative_to(tmp_path)), target.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    ArtifactStore(str(tmp_path)).put("a/b", writing("x"))
    assert synchronized == [(TEMPORARY, False), (".", True)]  # the file, and then the folder that names it


HERE = socket.gethostname()


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(store: ArtifactStore, name: str, hours: float = 0) -> None:
    """Half a file, as a writer leaves it that is interrupted."""
    fs, root = fsspec.core.url_to_fs(store.url)
    fs.pipe_file(f"{root}/{TEMPORARY}/{name}", b"half")
    if "file" in fs.protocol:
        changed = time.time() - hours * 3600
        os.utime(f"{root}/{TEMPORARY}/{name}", (changed, changed))
    else:
        fs.store[f"{root}/{TEMPORARY}/{name}"].modified -= timedelta(hours=hours)


SOMEWHERE = uuid.UUID(int=7).hex


@pytest.mark.parametrize(
    ("writer", "hours", "left"),
    [
        ("dead", 0, True),
        ("alive", 0, False),
        ("alive", 25, True),  # the number has been given to another process since
        ("elsewhere.1", 0, False),
        ("elsewhere.1", 23, False),
        ("elsewhere.1", 25, True),
        ("nobody knows", 0, False),
        ("nobody knows", 25, True),
    ],
)
def test_what_interrupted_writers_left_is_cleared_while_others_write(
    store: ArtifactStore, writer: str, hours: float, left: bool
) -> None:
    writer = {"dead": f"{HERE}.{dead_process()}", "alive": f"{HERE}.{os.getpid()}"}.get(writer, writer)
    store.put("a/b", writing("x"))
    leave(store, f"{writer}.{SOMEWHERE}", hours)
    assert store.clear_temporary() == left
    assert files(store) == {"a/b"} if left else {"a/b", f"{TEMPORARY}/{writer}.{SOMEWHERE}"}
    assert store.clear_temporary() == 0


def test_clearing_does_not_disturb_a_writer(open_store: OpenStore) -> None:
    def write(path: Path) -> None:
        path.write_text("whole")
        assert open_store().clear_temporary() == 0

    open_store().put("a/b", write)
    assert open_store().local_path("a/b").read_text() == "whole"


def test_there_is_nothing_to_clear_in_a_new_store(store: ArtifactStore) -> None:
    assert store.clear_temporary() == 0


def test_what_is_left_of_a_download_is_cleared(tmp_path: Path) -> None:
    url = f"memory://{uuid.uuid4().hex}"
    store = ArtifactStore(url, cache=tmp_path)
    store.put("a/b", writing("x"))
    scratch = store.local_path("a/b").parents[1] / TEMPORARY / f"{HERE}.{dead_process()}.{SOMEWHERE}"
    scratch.write_text("half")
    assert store.clear_temporary() == 1
    assert not scratch.exists()


@pytest.mark.parametrize("step", ["put_file", "mv"])
def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path, step: str) -> None:
    class BreaksOff(MemoryFileSystem):  # type: ignore[misc]
        cachable = False
        store: ClassVar[dict[str, Any]] = {}
        pseudo_dirs: ClassVar[list[str]] = [""]

    def break_off(source: str, upload: str, **_: Any) -> None:
        fs.pipe_file(upload, b"half")
        raise ConnectionResetError("the cable is out")

    store = ArtifactStore("memory://broken", cache=tmp_path)
    store._fs = fs = BreaksOff()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fs, step, break_off if step == "put_file" else lambda source, _: break_off("", source))
        with pytest.raises(ConnectionResetError):
            store.put("a/b", writing("whole"))
    assert fs.find("/broken") == []
    store.put("a/b", writing("whole"))
    assert store.local_path("a/b").read_text() == "whole"


@pytest.mark.parametrize("url", ["zip://x::y", "zip://x::file://{here}/text"])
def test_a_url_that_cannot_be_opened_is_one_sentence(tmp_path: Path, url: str) -> None:
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(InvalidInputError, match=r"cannot be opened .* it is a folder or an fsspec URL"):
        ArtifactStore(url.format(here=tmp_path))


def test_what_is_no_folder_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere/at all")
    (tmp_path / "linked").symlink_to(tmp_path / "folder")
    with pytest.raises(
        InvalidInputError, match="file is no folder; move it away, or set EVALUATOR_ARTIFACTS"
    ):
        ArtifactStore(str(tmp_path / "file"))
    with pytest.raises(InvalidInputError, match="link is a link that leads nowhere; move it away"):
        ArtifactStore(str(tmp_path / "link"))
    (tmp_path / "folder").mkdir()
    ArtifactStore(str(tmp_path / "linked")).put_json("a.json", 1)


def test_a_limit_of_a_files_size_is_one_sentence(tmp_path: Path) -> None:
    """`ulimit -f`: the system kills whoever does not ignore its signal, as Python does."""
    script = (
        "import resource, sys; from evaluator.artifacts.store import ArtifactStore\n"
        "from evaluator.errors import ArtifactNotWrittenError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try: ArtifactStore(sys.argv[1]).put('a', lambda path: path.write_bytes(bytes(2000)))\n"
        "except ArtifactNotWrittenError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store")], capture_output=True, text=True, check=False
    )
    assert "this user may write no file so large in" in done.stdout, done.stderr
    assert [path for path in (tmp_path / "store").rglob("*") if path.is_file()] == []
