"""A short chaos run; `make chaos` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import hurting
from benchmarks.chaos import run_chaos
from tests.warm.popen import descendants

SEED = 345
"""With it, workers, the server, Valkey and the recorder are all among the victims."""


def test_rows_survive_whatever_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hurting, "descendants", descendants)
    described = {
        "bm25": {"bm25": {}},
        "plain": {"bm25": {"k1": 1.5}},
        "fused": {"fuse": {"of": ["bm25", "plain"]}},
    }
    # Raises if a row is lost, doubled or different, or something does not end.
    report = run_chaos(tmp_path, SEED, kills=10, queries=150, described=described)
    assert report.kills.total() == 10
    assert report.acts
    print(report)
