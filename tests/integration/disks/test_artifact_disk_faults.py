"""Artifacts, uploads and imports on a full disk, and under kills."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import fsspec
import numpy as np
import pytest

from evaluator.artifacts.store import TEMPORARY, ArtifactStore
from evaluator.cli.datasets import dataset_import
from evaluator.errors import (
    ArtifactNotWrittenError,
    UploadNotWrittenError,
)
from evaluator.settings import Settings
from evaluator.uploads import uploads
from evaluator.uploads.folder import PERSON
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.integration.disks.small_disk import SEED, Disk, python, read_until

MEGABYTE = 1_000_000


HALF = b"half"

PUT_AND_HANG = """
import sys, time
from evaluator.artifacts.store import ArtifactStore
def write(path):
    path.write_bytes(b"half")
    print("half-way", flush=True)
    time.sleep(600)
ArtifactStore(sys.argv[1]).put("vectors/0.npy", write)
"""


def test_a_kill_in_the_middle_of_a_put_leaves_no_artifact_and_what_it_left_is_cleared(tmp_path: Path) -> None:
    store = ArtifactStore(str(tmp_path / "store"))
    with python(PUT_AND_HANG, store.url) as dead, python(PUT_AND_HANG, store.url) as alive:
        read_until(dead, "half-way")
        read_until(alive, "half-way")
        dead.kill()
        dead.wait()
        assert not store.exists("vectors/0.npy")
        assert store.names("vectors") == set()
        assert store.clear_temporary() == 1  # while the other one still writes
        (scratch,) = (tmp_path / "store" / TEMPORARY).iterdir()
        assert (scratch.read_bytes(), f".{alive.pid}." in scratch.name) == (HALF, True)
    assert store.clear_temporary() == 1
    store.put("vectors/0.npy", save_text)
    assert store.local_path("vectors/0.npy").stat().st_size == 2 * MEGABYTE


PUT_ON_AND_ON = """
import hashlib, random, sys
from evaluator.artifacts.store import ArtifactStore
store = ArtifactStore(sys.argv[1])
print("ready", flush=True)
for number in range(1000):
    content = random.Random(f"{sys.argv[2]}-{number}").randbytes(400_000)
    def write(path):
        with path.open("wb") as file:
            for start in range(0, len(content), 20_000):
                file.write(content[start : start + 20_000])
    store.put(f"vectors/{hashlib.sha256(content).hexdigest()}", write)
"""


def test_kills_at_any_moment_of_a_put_leave_whole_artifacts_only(tmp_path: Path) -> None:
    moments = random.Random(SEED)
    store = ArtifactStore(str(tmp_path / "store"))
    for kill in range(6):
        with python(PUT_ON_AND_ON, store.url, kill) as process:
            read_until(process, "ready")
            time.sleep(moments.uniform(0.01, 0.1))
    names = store.names("vectors")
    assert names
    for name in names:
        content = store.local_path(f"vectors/{name}").read_bytes()
        assert hashlib.sha256(content).hexdigest() == name, f"seed {SEED}"
    store.clear_temporary()
    assert list((tmp_path / "store" / TEMPORARY).iterdir()) == []


def save_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones((1000, 384), np.float32))  # 1.5 MB


def save_text(path: Path) -> None:
    path.write_bytes(b"x" * 2 * MEGABYTE)


WRITES = pytest.mark.parametrize("write", [save_array, save_text], ids=["numpy", "bytes"])


@WRITES
def test_an_artifact_that_finds_no_room_leaves_nothing_and_can_be_written_later(
    disk: Disk, write: Callable[[Path], None]
) -> None:
    store = ArtifactStore(str(disk.folder / "store"))
    store.put("vectors/0.npy", save_array)
    disk.fill(leave=MEGABYTE)
    room = disk.free
    with pytest.raises(
        ArtifactNotWrittenError, match=f"the disk is full: .* {disk.folder}/store, .* make room"
    ):
        store.put("vectors/1.npy", write)
    assert (store.names("vectors"), disk.free) == ({"0.npy"}, room)
    assert list((disk.folder / "store" / TEMPORARY).iterdir()) == []
    disk.make_room()
    store.put("vectors/1.npy", write)
    assert store.names("vectors") == {"0.npy", "1.npy"}


@WRITES
def test_a_full_disk_between_here_and_an_object_store_shows_nobody_half_a_file(
    disk: Disk, write: Callable[[Path], None], request: pytest.FixtureRequest
) -> None:
    url = f"memory://full-disk-{request.node.callspec.id}"
    near, far = ArtifactStore(url, cache=disk.folder / "near"), ArtifactStore(url, cache=disk.folder / "far")
    disk.fill(leave=MEGABYTE)
    with pytest.raises(ArtifactNotWrittenError, match="the disk is full"):
        near.put("vectors/0.npy", write)  # nothing to upload
    assert not far.exists("vectors/0.npy")
    disk.make_room()
    near.put("vectors/0.npy", write)
    disk.fill(leave=MEGABYTE)
    with pytest.raises(ArtifactNotWrittenError, match="the disk is full"):
        far.local_path("vectors/0.npy")  # nothing in the cache
    assert [path for path in (disk.folder / "far").rglob("*") if path.is_file()] == []
    disk.make_room()
    assert far.local_path("vectors/0.npy").stat().st_size == fsspec.core.url_to_fs(url)[0].size(
        f"{url.removeprefix('memory:/')}/vectors/0.npy"
    )


def test_an_upload_that_fills_the_disk_is_refused_and_leaves_nothing(disk: Disk) -> None:
    with Workspace.open_local(Settings(home=disk.folder / "home")) as workspace:
        upload = uploads.create(workspace)
        disk.fill(leave=MEGABYTE)

        async def arriving() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 100_000

        with pytest.raises(UploadNotWrittenError, match="the disk is full: nothing can be written below"):
            asyncio.run(uploads.receive(workspace, upload, "corpus.jsonl", arriving()))
        leftovers = (path for path in (disk.folder / "home" / "uploads").rglob("*") if path.is_file())
        assert [path.name for path in leftovers] == [PERSON]  # whose upload it is, as before
        disk.make_room()
        asyncio.run(uploads.receive(workspace, upload, "corpus.jsonl", arriving()))
        assert [file.bytes for file in uploads.state(workspace, upload).files] == [3_000_000]


def test_an_import_that_fills_the_disk_says_so_and_leaves_nothing(
    disk: Disk, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = disk.folder / "home"
    monkeypatch.setenv("EVALUATOR_HOME", str(home))
    folder = write_dataset("large", documents=[os.urandom(50_000).hex() for _ in range(200)])
    disk.fill(leave=6 * MEGABYTE)
    with pytest.raises(
        UploadNotWrittenError, match=f"the disk is full: nothing can be written below {home};"
    ):
        dataset_import(str(folder))
    assert list((home / "uploads").iterdir()) == []
    disk.make_room()
    dataset_import(str(folder))
