"""Turns: whoever asks for many keeps nobody else waiting for more than one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from evaluator.uploads.fair_turns import Turns


class Worker:
    """Asks for a turn, and keeps it until it is told to end."""

    def __init__(self, turns: Turns, person: str, order: list[str]) -> None:
        self.person = person
        self.began, self.end, self.given_up = threading.Event(), threading.Event(), threading.Event()
        self._turns, self._order = turns, order

    def __call__(self) -> bool:
        with self._turns.turn(self.person, self.given_up) as came:
            if came:
                self._order.append(self.person)
                self.began.set()
                assert self.end.wait(20)
        return came


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, twenty seconds at most."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def test_one_person_cannot_hold_all_turns_while_another_waits() -> None:
    turns, order = Turns(2), list[str]()
    with ThreadPoolExecutor(8) as threads:
        mallory = [Worker(turns, "mallory", order) for _ in range(6)]
        for worker in mallory:
            threads.submit(worker)
        until(lambda: any(worker.began.is_set() for worker in mallory))
        ada = Worker(turns, "ada", order)
        threads.submit(ada)
        assert ada.began.wait(20)  # though mallory was first with six, and none of them has ended
        assert order == ["mallory", "ada"]
        for worker in (*mallory, ada):
            worker.end.set()
    assert order == ["mallory", "ada", *["mallory"] * 5]


def _waits(turns: Turns, number: int) -> bool:
    return turns.waiting == number


def test_the_person_served_longest_ago_is_next() -> None:
    turns, order = Turns(1), list[str]()
    first = Worker(turns, "ada", order)
    waiting = [Worker(turns, person, order) for person in ("ada", "ada", "ben", "ben", "cleo")]
    with ThreadPoolExecutor(8) as threads:
        threads.submit(first)
        assert first.began.wait(20)
        for number, worker in enumerate(waiting, start=1):
            threads.submit(worker)
            until(partial(_waits, turns, number))
            worker.end.set()
        first.end.set()
    assert order == ["ada", "ben", "cleo", "ada", "ben", "ada"]


def test_giving_up_delays_nobody() -> None:
    turns, order = Turns(1), list[str]()
    first, second, third = (Worker(turns, person, order) for person in ("ada", "ben", "cleo"))
    with ThreadPoolExecutor(3) as threads:
        threads.submit(first)
        assert first.began.wait(20)
        gone = threads.submit(second)
        threads.submit(third)
        second.given_up.set()
        assert gone.result(20) is False
        for worker in (first, third):
            worker.end.set()
    assert order == ["ada", "cleo"]
