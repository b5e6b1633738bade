"""Look-ups at the hub: a few at once, each once at a time, and answers that hold for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from evaluator.errors import EncoderNotFoundError, InvalidInputError, LookingUpError
from evaluator.retrieval.encoders import lookups as module
from evaluator.retrieval.encoders.hub import HubModel, SilentHubError
from evaluator.retrieval.encoders.lookups import Lookups


class Finder:
    """Finds models once it is released; names with `none` are unknown, the hub is silent for those with `silent`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silences: list[str] = []
        self.release = threading.Event()
        self.under_way = threading.Semaphore(0)

    def __call__(self, name: str, *, silent: bool) -> HubModel:
        (self.silences if silent else self.asked).append(name)
        self.under_way.release()
        assert self.release.wait(20)
        if "none" in name:
            raise EncoderNotFoundError("the hub gave none")
        if silent or "silent" in name:
            raise SilentHubError("the hub does not answer")
        return HubModel(Path(name), f"{name}@commit")

    def wait_for(self, number: int) -> None:
        """Until so many more look-ups are under way."""
        for _ in range(number):
            assert self.under_way.acquire(timeout=20)


@pytest.fixture
def finder() -> Iterator[Finder]:
    """Released at the end at the latest."""
    made = Finder()
    yield made
    made.release.set()


def fails(act: Callable[[], object], kind: type[Exception]) -> Exception:
    with pytest.raises(kind) as caught:
        act()
    return caught.value


def test_many_who_ask_for_the_same_model_are_one_look_up(finder: Finder) -> None:
    lookups = Lookups(finder)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lookups.model, "a/b") for _ in range(8)]
        finder.wait_for(1)
        finder.release.set()
        assert {future.result(20).location for future in asked} == {"a/b@commit"}
    assert finder.asked == ["a/b"]


def test_only_so_many_are_looked_up_at_once_and_in_the_order_they_came(finder: Finder) -> None:
    lookups = Lookups(finder, at_once=2)
    waits = [fails(partial(lookups.model, f"a/{n}", 0), LookingUpError) for n in range(5)]
    finder.wait_for(2)
    assert not finder.under_way.acquire(timeout=0.05)
    assert sorted(finder.asked) == ["a/0", "a/1"]
    finder.release.set()
    assert lookups.model("a/4", 20).location == "a/4@commit"
    assert [wait.progress.result(20).location for wait in waits if isinstance(wait, LookingUpError)]
    assert sorted(finder.asked) == [f"a/{n}" for n in range(5)]


def test_whoever_has_waited_long_enough_is_told_and_finds_the_answer_later(finder: Finder) -> None:
    lookups = Lookups(finder)
    waits = fails(partial(lookups.model, "a/b", 0.01), LookingUpError)
    assert "'a/b' is still being looked up on the hub; try again in a moment" in str(waits)
    finder.release.set()
    assert lookups.model("a/b", 20).location == "a/b@commit"
    assert finder.asked == ["a/b"]


def test_those_that_wait_are_bounded(finder: Finder) -> None:
    lookups = Lookups(finder, at_once=1, waiting=2)
    fails(partial(lookups.model, "a/0", 0), LookingUpError)
    finder.wait_for(1)
    for n in (1, 2):
        fails(partial(lookups.model, f"a/{n}", 0), LookingUpError)
    full = fails(partial(lookups.model, "a/3", 0), LookingUpError)
    assert "2 models wait to be looked up on the hub, so 'a/3' cannot be now" in str(full)
    assert isinstance(full, LookingUpError)
    finder.release.set()
    full.progress.result(20)  # there is room again
    assert lookups.model("a/3", 20).location == "a/3@commit"


@pytest.mark.parametrize("name", ["a/b", "a/none"])
def test_an_answer_holds_for_a_moment(finder: Finder, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    finder.release.set()
    lookups = Lookups(finder)

    def ask() -> None:
        try:
            lookups.model(name, 20)
        except EncoderNotFoundError:
            assert "none" in name

    ask()
    ask()
    assert finder.asked == [name]
    now = time.monotonic() + module.FRESH + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ask()
    assert finder.asked == [name, name]


def test_a_hub_that_did_not_answer_is_left_alone_for_a_moment(
    finder: Finder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many other models are asked for."""
    finder.release.set()
    lookups = Lookups(finder)
    fails(partial(lookups.model, "a/silent", 20), SilentHubError)
    for n in range(45):
        fails(partial(lookups.model, f"a/{n}", 20), SilentHubError)
    assert finder.asked == ["a/silent"]
    assert len(finder.silences) == 45
    now = time.monotonic() + module.SILENT + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert lookups.model("a/0", 20).location == "a/0@commit"


def test_whatever_else_goes_wrong_reaches_whoever_waits() -> None:
    def broken(name: str, *, silent: bool) -> HubModel:
        raise InvalidInputError(f"{name} is too large")

    assert str(fails(partial(Lookups(broken).model, "a/b", 20), InvalidInputError)) == "a/b is too large"


def test_only_so_many_answers_are_remembered(finder: Finder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    finder.release.set()
    lookups = Lookups(finder)
    for name in ("a/0", "a/1", "a/2", "a/2", "a/0"):
        lookups.model(name, 20)
    assert finder.asked == ["a/0", "a/1", "a/2", "a/0"]


def test_nobody_waits_for_ever_for_a_hub_that_does_not_go_on(finder: Finder) -> None:
    """Its threads are lost until they end, and others take their place, as many again at most."""
    lookups = Lookups(finder, at_once=2, longest=0.2)
    for name in ("a", "b", "c"):  # the third needs a thread that is not lost
        error = fails(partial(lookups.model, name, 20), SilentHubError)
        assert "the hub did not say all within 0 seconds" in str(error)
        lookups._silent_until = 0.0  # as if the moment had passed in which the hub is not asked
    assert len(finder.asked) + len(finder.silences) == 3
    finder.release.set()
    deadline = time.monotonic() + 20
    while lookups._lost and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (lookups._lost, lookups._threads) == (0, 0)
    lookups._silent_until = 0.0
    assert lookups.model("d", 20).location == "d@commit"


def test_where_as_many_threads_are_lost_the_hub_counts_as_silent(finder: Finder) -> None:
    lookups = Lookups(finder, at_once=1, longest=0.2)
    fails(partial(lookups.model, "a", 20), SilentHubError)
    lookups._silent_until = 0.0
    waiting = ThreadPoolExecutor(1).submit(lookups.model, "b", 20)
    finder.wait_for(2)
    assert (finder.asked, finder.silences) == (["a"], ["b"])
    finder.release.set()
    assert isinstance(waiting.exception(20), SilentHubError)
