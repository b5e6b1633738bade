"""What the embedded Valkey kept cannot be read: it starts all the same."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluator.jobs.connection import require
from evaluator.jobs.processes.supervisor import VALKEY, Supervisor
from evaluator.jobs.processes.valkey import answers
from evaluator.settings import Settings


def in_the_middle(kept: Path) -> None:
    file = next(kept.glob("*.incr.aof"))
    content = bytearray(file.read_bytes())
    content[1000:1050] = b"\xff" * 50
    file.write_bytes(content)


def manifest(kept: Path) -> None:
    next(kept.glob("*.manifest")).write_text("garbage\n")


def manifest_of_nulls(kept: Path) -> None:
    found = next(kept.glob("*.manifest"))
    found.write_bytes(b"\0" * found.stat().st_size)


def part_gone(kept: Path) -> None:
    next(kept.glob("*.incr.aof")).unlink()


def base(kept: Path) -> None:
    found = next(kept.glob("*.base.rdb"))
    found.write_bytes(b"x" * found.stat().st_size)


def base_in_the_middle(kept: Path) -> None:
    found = next(kept.glob("*.base.rdb"))
    content = bytearray(found.read_bytes())
    content[20:40] = b"\xff" * 20
    found.write_bytes(content)


def fill(settings: Settings) -> Path:
    """Let a Valkey keep something, and stop it."""
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        client = require(settings)
        for number in range(200):
            client.set(f"key-{number}", "value" * 10)
    return settings.home_path / "valkey" / "appendonlydir"


@pytest.mark.parametrize(
    "damage", [in_the_middle, manifest, manifest_of_nulls, part_gone, base, base_in_the_middle]
)
def test_it_is_moved_aside_and_said(
    damage: Callable[[Path], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path, redis_url=None)
    kept = fill(settings)
    damage(kept)
    with Supervisor(settings) as supervisor, caplog.at_level(logging.WARNING):
        supervisor.add_valkey()
        assert require(settings).dbsize() == 0
    aside = tmp_path / "valkey" / "appendonlydir.damaged"
    assert aside.is_dir()
    assert f"append-only file is damaged; it is moved to {aside}" in caplog.text


def test_what_is_whole_is_kept(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, redis_url=None)
    kept = fill(settings)
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        assert require(settings).dbsize() == 200
        process = supervisor.children[0].process
        assert supervisor.children[0].name == VALKEY
        assert process is not None
        process.kill()
        deadline = time.monotonic() + 20
        while not (supervisor.deaths(VALKEY) and answers(settings)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert require(settings).dbsize() == 200
    assert not kept.with_name("appendonlydir.damaged").exists()
