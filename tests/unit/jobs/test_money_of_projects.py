"""All experiments of a project together spend no more in a month than it may, whoever asks first."""

from __future__ import annotations

import dataclasses

import pytest
from redis import Redis

from evaluator.errors import BudgetReachedError
from evaluator.jobs.cancellation import is_cancelled
from evaluator.jobs.limits import RedisGate, allow_money, write_terms
from tests.unit.jobs.test_limits import API, ask, spec_of

DOLLAR = 1_000_000
MILLION = 1_000_000
"""Tokens; API takes 2 USD for as many."""


def gate_of(connection: Redis, name: str, project: str) -> RedisGate:
    spec = dataclasses.replace(spec_of(), name=name, project=project)
    write_terms(connection, spec)
    return RedisGate(connection, spec.id)


def test_experiments_of_a_project_share_its_money(connection: Redis) -> None:
    allow_money(connection, "web", 3 * DOLLAR)
    one, two = gate_of(connection, "one", "web"), gate_of(connection, "two", "web")
    one.spent(API, MILLION, 0)
    ask(two, API)
    two.spent(API, MILLION, 0)
    with pytest.raises(
        BudgetReachedError, match=r"'web' may spend 3\.00 USD in a month, and has spent 4\.00 USD"
    ):
        ask(one, API)
    assert is_cancelled(connection, dataclasses.replace(spec_of(), name="one", project="web").id)
    other = gate_of(connection, "one", "main")
    ask(other, API)


def test_a_higher_limit_counts_at_once_and_none_is_no_limit(connection: Redis) -> None:
    allow_money(connection, "web", DOLLAR)
    gate = gate_of(connection, "one", "web")
    gate.spent(API, MILLION, 0)
    for limit in (3 * DOLLAR, None):
        allow_money(connection, "web", limit)
        ask(gate, API)
    allow_money(connection, "web", 0)
    with pytest.raises(BudgetReachedError):
        ask(gate, API)


def test_what_was_counted_since_a_loss_does_not_hide_what_was_spent_before(connection: Redis) -> None:
    gate = gate_of(connection, "one", "web")
    gate.spent(API, MILLION // 100, 0)  # Redis begins to count anew
    allow_money(connection, "web", DOLLAR, spent=2 * DOLLAR)
    with pytest.raises(BudgetReachedError, match=r"has spent 2\.00 USD"):
        ask(gate, API)


def test_what_redis_has_lost_is_told_again(connection: Redis) -> None:
    allow_money(connection, "web", DOLLAR, spent=2 * DOLLAR)
    with pytest.raises(BudgetReachedError):
        ask(gate_of(connection, "one", "web"), API)
    allow_money(connection, "web", 5 * DOLLAR, spent=0)  # Redis knows better
    gate = gate_of(connection, "two", "web")
    gate.spent(API, 2 * MILLION, 0)
    with pytest.raises(BudgetReachedError, match=r"has spent 6\.00 USD"):
        ask(gate, API)
