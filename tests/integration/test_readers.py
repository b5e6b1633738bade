"""Everything is read while results are recorded and people act; `python -m benchmarks.readers` is the long one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.readers import N_ACTS, run_readers


def test_no_look_fails_and_none_gives_an_impossible_answer(tmp_path: Path) -> None:
    seen = run_readers(tmp_path, queries=300)
    assert seen.failures == []
    assert set(seen.looks) == {"leaderboard", "comparison", "history", "progress", "export", "rest"}
    assert seen.acts.total() >= N_ACTS
    assert set(seen.acts) == {
        "POST experiments", "POST experiments/cancel", "POST experiments/resume", "PATCH datasets",
        "POST datasets/judgments", "DELETE experiments", "POST vectors",
    }  # fmt: skip
