"""Limits of requests to endpoints, over all workers of all machines: at once, a minute, and in all (budgets).

evaluator:endpoint:<endpoint>:slots     sorted set: running requests, by when they count as lost (ms)
evaluator:endpoint:<endpoint>:window    sorted set: requests of the last minute, by when they began (ms)
evaluator:endpoint:<endpoint>:paused    exists while the server asks for a pause
evaluator:terms:<experiment>            budget and endpoints as last submitted
evaluator:spent:<experiment>            hash: tokens, micro_usd
evaluator:money:<project>               what all of a project's experiments may spend in a month, in millionths of a USD
evaluator:money:<project>:<month>       what they have spent
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from redis import Redis
from redis.exceptions import RedisError

from evaluator.domain.access import MAIN
from evaluator.domain.endpoint import Budget, Endpoint, dollars
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.result import ExperimentStop, Spending
from evaluator.errors import BudgetReachedError
from evaluator.jobs.cancellation import mark_cancelled
from evaluator.jobs.fair_order import set_project
from evaluator.jobs.results.stream import ResultStream

WINDOW = 60.0
"""Seconds over which requests are counted."""
LEASE_MARGIN = 5.0
"""Seconds beyond its timeout after which a request counts as lost, because its worker died."""
POLL = 0.05
"""Seconds between two attempts to take a slot; at most `LONGEST_WAIT` for other reasons, which may end early."""
LONGEST_WAIT = 1.0
MONTH_TTL = 40 * 24 * 3600
"""Seconds after which Redis drops what was spent in a month; the database keeps it."""
TERMS_TTL = 30 * 24 * 3600
"""Seconds after which Redis drops the terms and the spending of an abandoned experiment."""

# Atomic, as every script is: returns 0 with the slot taken, or milliseconds to wait.
_ACQUIRE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local token, slots, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local rate, window, poll = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local paused = redis.call('PTTL', KEYS[3])
if paused > 0 then return paused end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= slots then return poll end
if rate > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - window)
  local begun = redis.call('ZCARD', KEYS[2])
  if begun >= rate then
    local first = redis.call('ZRANGE', KEYS[2], begun - rate, begun - rate, 'WITHSCORES')
    return tonumber(first[2]) + window - now + 1
  end
  redis.call('ZADD', KEYS[2], now, token)
  redis.call('PEXPIRE', KEYS[2], window)
end
redis.call('ZADD', KEYS[1], now + lease, token)
redis.call('PEXPIRE', KEYS[1], lease)
return 0
"""

_AT_LEAST = """
if tonumber(redis.call('GET', KEYS[1]) or '0') < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
end
"""

# A shorter pause never ends a longer one.
_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], 1, 'PX', ARGV[1]) end
"""


@dataclass(frozen=True)
class Terms:
    """What may change while an experiment stays the same: its budget, and its endpoints' keys, limits and prices.

    Specs are artifacts, which never change, so this travels by Redis.
    """

    budget: Budget | None = None
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    """By `Endpoint.id`."""
    project: str | None = None
    """None if nobody wrote the terms: Redis has lost them, and nothing says whose money it is."""

    @classmethod
    def of(cls, spec: ExperimentSpec) -> Terms:
        """The terms that a spec states."""
        encoders = [encoder.endpoint for encoder in spec.encoders.values() if encoder.endpoint is not None]
        endpoints = {endpoint.id: endpoint for endpoint in (*encoders, *spec.endpoints.values())}
        return cls(spec.budget, endpoints, spec.project)


def write_terms(connection: Redis, spec: ExperimentSpec) -> None:
    """Make a spec's terms those of its experiment, also for jobs that run already; and note its project."""
    set_project(connection, spec.id, spec.project)
    payload = orjson.dumps(dataclasses.asdict(Terms.of(spec)))
    connection.set(_terms_key(spec.id), payload, ex=TERMS_TTL)


def restore_spending(connection: Redis, experiment: str, tokens: int, micro_usd: int) -> None:
    """Write to Redis what an experiment has spent, if Redis has lost it."""
    key = _spent_key(experiment)
    connection.hsetnx(key, "tokens", str(tokens))
    connection.hsetnx(key, "micro_usd", str(micro_usd))
    connection.expire(key, TERMS_TTL)


def allow_money(connection: Redis, project: str, limit: int | None, spent: int = 0) -> None:
    """Write to Redis what a project may spend in a month, and what it has spent if Redis knows of less.

    Args:
        limit, spent: millionths of a USD; no limit for None.
    """
    with connection.pipeline(transaction=True) as pipeline:
        if limit is None:
            pipeline.delete(_money_key(project))
        else:
            pipeline.set(_money_key(project), limit)
        pipeline.eval(_AT_LEAST, 1, _month_key(project), spent, MONTH_TTL)
        pipeline.execute()


class RedisGate:
    """The gate of one experiment; see `retrieval.endpoints.client.Gate`."""

    def __init__(self, connection: Redis, experiment: str) -> None:
        self._connection = connection
        self._experiment = experiment

    def terms(self) -> Terms:
        """The experiment's terms now; none if nobody wrote any."""
        return _read_terms(cast("bytes | None", self._connection.get(_terms_key(self._experiment))))

    def current(self, endpoint: Endpoint) -> Endpoint:
        """An endpoint as it was last submitted."""
        return self.terms().endpoints.get(endpoint.id, endpoint)

    @contextmanager
    def request(self, endpoint: Endpoint) -> Iterator[None]:
        """See `Gate.request`. A worker that dies frees its slot when the request would have timed out."""
        token = uuid.uuid4().hex
        slots, window, paused = _endpoint_keys(endpoint)
        lease = endpoint.timeout + LEASE_MARGIN
        limits = (endpoint.concurrency, _ms(lease), endpoint.requests_per_minute or 0, _ms(WINDOW), _ms(POLL))
        while True:
            self._check_budget()
            wait = cast("int", self._connection.eval(_ACQUIRE, 3, slots, window, paused, token, *limits))
            if not wait:
                break
            time.sleep(min(wait / 1000, LONGEST_WAIT))
        try:
            yield
        finally:
            with suppress(RedisError):  # the answer counts more than the slot, which frees itself
                self._connection.zrem(slots, token)

    def pause(self, endpoint: Endpoint, seconds: float) -> None:
        """See `Gate.pause`."""
        self._connection.eval(_PAUSE, 1, _endpoint_keys(endpoint)[2], max(1, _ms(seconds)))

    def spent(self, endpoint: Endpoint, tokens: int, output_tokens: int) -> None:
        """See `Gate.spent`. Counted in Redis for the budget, and recorded for good by way of the results stream."""
        micro_usd = endpoint.micro_usd(tokens, output_tokens)
        spending = Spending(
            self._experiment, uuid.uuid4().hex, endpoint.name, tokens, output_tokens, micro_usd
        )
        key, project = _spent_key(self._experiment), self.terms().project
        with self._connection.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(key, "tokens", tokens + output_tokens)
            pipeline.hincrby(key, "micro_usd", micro_usd)
            pipeline.expire(key, TERMS_TTL)
            if project is not None:
                pipeline.incrby(_month_key(project), micro_usd)
                pipeline.expire(_month_key(project), MONTH_TTL)
            ResultStream(self._connection).append([spending], pipeline)
            pipeline.execute()

    def _check_budget(self) -> None:
        with self._connection.pipeline(transaction=False) as pipeline:
            pipeline.get(_terms_key(self._experiment))
            pipeline.hmget(_spent_key(self._experiment), ["tokens", "micro_usd"])
            terms, spent = pipeline.execute()
        known = _read_terms(terms)
        budget = known.budget
        reason = budget.reached(*(int(amount or 0) for amount in spent)) if budget is not None else None
        if reason is None and known.project is not None:
            reason = self._out_of_money(known.project)
        if reason is not None:
            # The first worker that notices sends the record; for later ones the experiment is cancelled already.
            if mark_cancelled(self._connection, self._experiment, ()):
                ResultStream(self._connection).append([ExperimentStop(self._experiment, reason)])
            raise BudgetReachedError(reason)

    def _out_of_money(self, project: str) -> str | None:
        limit, spent = (
            int(value) if value is not None else None
            for value in cast(
                "list[bytes | None]", self._connection.mget(_money_key(project), _month_key(project))
            )
        )
        return None if limit is None else month_spent(project, limit, spent or 0)


def month_spent(project: str, limit: int, spent: int) -> str | None:
    """Why a project can spend no more this month; None if it can. Both are millionths of a USD."""
    if spent < limit:
        return None
    return (
        f"the project {project!r} may spend {dollars(limit / 1_000_000)} in a month, and has spent "
        f"{dollars(spent / 1_000_000)}; an administrator of this instance can change that"
    )


def _read_terms(payload: bytes | None) -> Terms:
    if payload is None:
        return Terms()
    record: dict[str, Any] = orjson.loads(payload)
    budget = record["budget"]
    return Terms(
        None if budget is None else Budget(**budget),
        {id_: Endpoint(**endpoint) for id_, endpoint in record["endpoints"].items()},
        record.get("project", MAIN),
    )


def _endpoint_keys(endpoint: Endpoint) -> tuple[str, str, str]:
    prefix = f"evaluator:endpoint:{endpoint.id}"
    return f"{prefix}:slots", f"{prefix}:window", f"{prefix}:paused"


def _terms_key(experiment: str) -> str:
    return f"evaluator:terms:{experiment}"


def _spent_key(experiment: str) -> str:
    return f"evaluator:spent:{experiment}"


def _money_key(project: str) -> str:
    return f"evaluator:money:{project}"


def _month_key(project: str) -> str:
    return f"{_money_key(project)}:{datetime.now(UTC):%Y-%m}"


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
