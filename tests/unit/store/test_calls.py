"""Calls of DuckDB, and closing the file beside them."""

from __future__ import annotations

import threading

from evaluator.store.file.calls import Calls


def test_closing_waits_for_what_runs_and_interrupts_it() -> None:
    calls, running, interrupted = Calls(), threading.Event(), threading.Event()

    def query() -> None:
        with calls.one():
            running.set()
            interrupted.wait(10)

    thread = threading.Thread(target=query)
    thread.start()
    running.wait(10)
    with calls.none(interrupted.set):
        assert interrupted.is_set()
    thread.join(10)
    assert not thread.is_alive()


def test_no_call_begins_while_the_file_is_closed() -> None:
    calls, begun = Calls(), threading.Event()

    def query() -> None:
        with calls.one():
            begun.set()

    with calls.none(lambda: None):
        thread = threading.Thread(target=query)
        thread.start()
        assert not begun.wait(0.05)
    assert begun.wait(10)
    thread.join(10)
