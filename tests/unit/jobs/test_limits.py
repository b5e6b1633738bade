"""Limits of endpoints over all workers, and budgets, in a real Valkey."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import pytest
from redis import Redis

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.result import ExperimentStop, Record, Rejected, Spending
from evaluator.errors import BudgetReachedError
from evaluator.jobs import limits
from evaluator.jobs.cancellation import is_cancelled, unmark_cancelled
from evaluator.jobs.limits import RedisGate, restore_spending, write_terms
from evaluator.jobs.results.stream import ResultStream
from tests.endpoint_server import endpoint_at, endpoint_spec

API = endpoint_at("http://127.0.0.1:1/v1", usd_per_million_tokens=2.0, usd_per_million_output_tokens=8.0)


def spec_of(endpoint: Endpoint = API, budget: Budget | None = None) -> ExperimentSpec:
    return ExperimentSpec(
        "toy", "d", "c", "q", "j", False, (), {"api": endpoint_spec(endpoint)}, ("AP",), 10, budget=budget
    )  # fmt: skip


@pytest.fixture
def gate(connection: Redis) -> RedisGate:
    return RedisGate(connection, spec_of().id)


def recorded(connection: Redis) -> list[Record]:
    stream = ResultStream(connection)
    stream.open()
    return [record for _, record in stream.read(100, 0.001) if not isinstance(record, Rejected)]


def seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def ask(gate: RedisGate, endpoint: Endpoint) -> None:
    with gate.request(endpoint):
        pass


# --- requests at once ---


def test_never_more_requests_at_once_than_allowed(connection: Redis) -> None:
    endpoint = dataclasses.replace(API, concurrency=2)
    under_way, peak, lock = 0, 0, threading.Lock()

    def work(number: int) -> None:
        nonlocal under_way, peak
        for _ in range(3):
            with RedisGate(connection, f"experiment{number}").request(endpoint):
                with lock:
                    under_way += 1
                    peak = max(peak, under_way)
                threading.Event().wait(0.02)
                with lock:
                    under_way -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (under_way, peak) == (0, 2)


def test_a_slot_is_free_again_after_an_error(gate: RedisGate) -> None:
    endpoint = dataclasses.replace(API, concurrency=1)
    with pytest.raises(OSError, match="broken"), gate.request(endpoint):
        raise OSError("broken")
    assert seconds(lambda: ask(gate, endpoint)) < 0.04


def test_a_dead_workers_slot_frees_itself(gate: RedisGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEASE_MARGIN", 0.0)
    endpoint = dataclasses.replace(API, concurrency=1, timeout=0.3)
    lost = gate.request(endpoint)
    lost.__enter__()  # and never left
    assert 0.2 < seconds(lambda: ask(gate, endpoint)) < 2


def test_endpoints_have_slots_of_their_own(gate: RedisGate) -> None:
    first = dataclasses.replace(API, concurrency=1)
    with gate.request(first):
        assert seconds(lambda: ask(gate, dataclasses.replace(first, model="another"))) < 0.04
        same = dataclasses.replace(first, name="an alias", base_url=first.base_url + "/", concurrency=2)
        with gate.request(same), pytest.raises(TimeoutError):
            within(0.2, lambda: ask(gate, same))


def within(limit: float, work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(limit)
    if thread.is_alive():
        raise TimeoutError


# --- requests a minute ---


def test_requests_are_spread_over_the_window(gate: RedisGate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "WINDOW", 0.4)
    endpoint = dataclasses.replace(API, requests_per_minute=3)
    begun = []
    for _ in range(7):
        with gate.request(endpoint):
            begun.append(time.monotonic())
    # Any four in a row take a whole window: never more than three in it.
    assert all(fourth - first > 0.39 for first, fourth in zip(begun, begun[3:], strict=False))
    assert begun[2] - begun[0] < 0.2


# --- pauses ---


def test_a_pause_is_everybodys(connection: Redis, gate: RedisGate) -> None:
    gate.pause(API, 0.3)
    gate.pause(API, 0.01)  # a shorter one does not end it
    other = RedisGate(connection, "another experiment")
    assert 0.25 < seconds(lambda: ask(other, API)) < 2


# --- money ---


def test_what_is_spent_is_recorded_for_good(connection: Redis, gate: RedisGate) -> None:
    # 1,000 tokens at 2 USD a million are 2,000 micro-dollars; 10 written ones at 8 USD are 80.
    gate.spent(API, 1000, 10)
    (spending,) = recorded(connection)
    assert isinstance(spending, Spending)
    assert (spending.endpoint, spending.tokens, spending.output_tokens, spending.micro_usd) == (
        "api",
        1000,
        10,
        2080,
    )


def test_a_fraction_of_a_micro_dollar_is_a_whole_one() -> None:
    assert dataclasses.replace(API, usd_per_million_tokens=0.02).micro_usd(1, 0) == 1
    assert endpoint_at("http://x/v1").micro_usd(1000, 1000) == 0  # no price is known


@pytest.mark.parametrize(
    ("budget", "tokens", "reason"),
    [
        (Budget(usd=0.5), 255_000, "the budget of 0.50 USD is reached: 0.51 USD spent"),
        (Budget(tokens=100_000), 100_000, "the budget of 100,000 tokens is reached: 100,000 tokens spent"),
        (Budget(usd=0.0001), 51, "the budget of 0.0001 USD is reached: 0.000102 USD spent"),
        (Budget(usd=5.0, tokens=10), 11, "the budget of 10 tokens is reached: 11 tokens spent"),
    ],
)
def test_a_budget_stops_the_experiment_before_the_next_request(
    connection: Redis, budget: Budget, tokens: int, reason: str
) -> None:
    spec = spec_of(budget=budget)
    write_terms(connection, spec)
    gate = RedisGate(connection, spec.id)
    ask(gate, API)
    gate.spent(API, tokens, 0)
    for _ in range(2):  # the second is told the same, and nothing is recorded twice
        with pytest.raises(BudgetReachedError) as caught:
            ask(gate, API)
        assert str(caught.value) == reason
    assert is_cancelled(connection, spec.id)
    assert [r for r in recorded(connection) if isinstance(r, ExperimentStop)] == [
        ExperimentStop(spec.id, reason)
    ]


def test_a_larger_budget_lets_it_go_on(connection: Redis) -> None:
    small, large = spec_of(budget=Budget(tokens=10)), spec_of(budget=Budget(tokens=20))
    assert small.id == large.id
    write_terms(connection, small)
    gate = RedisGate(connection, small.id)
    gate.spent(API, 10, 0)
    with pytest.raises(BudgetReachedError):
        ask(gate, API)
    write_terms(connection, large)
    unmark_cancelled(connection, large.id)
    ask(gate, API)  # also for a job that runs already


def test_what_was_spent_survives_the_loss_of_the_queue(connection: Redis) -> None:
    spec = spec_of(budget=Budget(tokens=10))
    write_terms(connection, spec)
    restore_spending(connection, spec.id, 7, 0)
    gate = RedisGate(connection, spec.id)
    gate.spent(API, 2, 0)
    restore_spending(connection, spec.id, 7, 0)  # Redis knows better than what is recorded so far
    ask(gate, API)
    gate.spent(API, 1, 0)
    with pytest.raises(BudgetReachedError, match="10 tokens spent"):
        ask(gate, API)


def test_an_endpoint_is_asked_on_the_terms_of_the_last_submission(connection: Redis, gate: RedisGate) -> None:
    """The key's variable, limits and prices are no part of an experiment's id, and its spec is never rewritten."""
    changed = dataclasses.replace(API, key="RIGHT_API_KEY", concurrency=1)
    assert gate.current(API) == API
    write_terms(connection, spec_of(changed))
    assert gate.current(API) == changed
