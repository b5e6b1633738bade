"""A short chaos run; `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.chaos import run_chaos

SEED = 345
"""With it, workers, the server, Valkey and the recorder are all among the victims."""


def test_rows_survive_whatever_dies(tmp_path: Path) -> None:
    report = run_chaos(tmp_path, SEED, kills=10, queries=150)  # raises if a row is lost, doubled or different
    assert report.kills.total() == 10
    print(report)
