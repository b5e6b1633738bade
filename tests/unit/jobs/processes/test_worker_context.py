"""What a worker keeps warm is bounded."""

from __future__ import annotations

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.jobs import context
from evaluator.jobs.context import Warm, WorkerContext
from evaluator.settings import Settings


def fill(warm: Warm[str, str], keys: str) -> list[str]:
    """Ask for each key; returns those that had to be made."""
    made: list[str] = []
    for key in keys:

        def make(key: str = key) -> str:
            made.append(key)
            return key.upper()

        assert warm.get(key, make) == key.upper()
    return made


def test_what_is_kept_is_not_made_again() -> None:
    assert fill(Warm(2), "aabab") == ["a", "b"]


def test_the_least_recently_used_goes_first() -> None:
    # c takes the place of b, because a was used after it; so b is made again, and takes the place of a
    assert fill(Warm(2), "abacab") == ["a", "b", "c", "b"]


def test_room_is_made_before_a_new_one_is_loaded() -> None:
    warm: Warm[str, str] = Warm(1)
    fill(warm, "a")

    def load() -> str:
        assert len(warm._kept) == 0  # two large models at once may not fit
        return "B"

    assert warm.get("b", load) == "B"


def test_what_fails_to_load_is_not_kept() -> None:
    warm: Warm[str, str] = Warm(2)

    def fail() -> str:
        raise OSError("no such model")

    with pytest.raises(OSError, match="no such model"):
        warm.get("a", fail)
    assert fill(warm, "a") == ["a"]


def test_the_bounds_are_settings(tmp_path: object) -> None:
    worker = WorkerContext(Settings(warm_encoders=1, warm_indexes=3), ArtifactStore(str(tmp_path)))
    assert (worker.models._size, worker.parts["index"]._size) == (1, 3)


def test_only_a_worker_has_a_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_current", None)
    with pytest.raises(RuntimeError, match="no worker"):
        context.current()
