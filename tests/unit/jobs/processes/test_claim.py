"""One instance a Redis database: the first one claims it, another one is refused until nothing of the first is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import pytest
from redis import Redis

from evaluator.domain.result import QueryResult
from evaluator.errors import InstanceRunningError, QueueUnavailableError
from evaluator.jobs.processes.claim import CLAIM, Claim, Holder
from evaluator.jobs.processes.identity import Process, this_process
from evaluator.jobs.queue import enqueue, job_data
from evaluator.jobs.results.stream import ResultStream
from evaluator.settings import Settings

LONG = 3600.0
"""Seconds of a lease that ends in no test."""
SHORT = 0.3
"""Seconds of a lease that ends soon."""

Claiming = Callable[..., Claim]


@pytest.fixture
def claiming(valkey: Settings, connection: Redis, tmp_path: Path) -> Iterator[Claiming]:
    """Makes claims on an empty Valkey; each is released in the end."""
    claims = []

    def claim(identity: str, lease: float = LONG) -> Claim:
        settings = Settings(home=tmp_path / identity, redis_url=valkey.queue_url)
        claims.append(Claim(settings, identity, lease))
        return claims[-1]

    yield claim
    for each in claims:
        each.release()


def holder(connection: Redis) -> Holder:
    """Who holds the claim now."""
    return Holder.from_json(cast("bytes", connection.get(CLAIM)))


def elsewhere(identity: str, lease: float, ago: float = 0.0) -> Holder:
    """A holder on another machine."""
    return Holder(
        identity, "/srv/evaluator", "its-token", Process("far", "far", 7, 1.0), time.time() - ago, lease
    )


def put(connection: Redis, held: Holder) -> None:
    connection.set(CLAIM, held.to_json())


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something holds, ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_who_comes_first_has_it(claiming: Claiming, connection: Redis, tmp_path: Path) -> None:
    claiming("one").take()
    held = holder(connection)
    assert (held.identity, held.home, held.process) == ("one", str(tmp_path / "one"), this_process())
    with pytest.raises(InstanceRunningError) as caught:
        claiming("two").take()
    message = str(caught.value)
    assert (
        f"is used by another instance: {tmp_path / 'one'} on {this_process().host}, seen 0 s ago" in message
    )
    assert "stop that one, or give each a database of its own by another number in REDIS_URL" in message
    assert holder(connection) == held


def test_one_that_is_released_is_free(claiming: Claiming, connection: Redis) -> None:
    first = claiming("one")
    first.take()
    first.release()
    assert connection.get(CLAIM) is None
    claiming("two").take()
    first.release()  # it is another's now
    assert holder(connection).identity == "two"


def test_a_password_is_not_told(valkey: Settings, connection: Redis, tmp_path: Path) -> None:
    put(connection, elsewhere("one", LONG))
    url = valkey.queue_url.replace("unix://", "unix://default:secret@")
    with pytest.raises(InstanceRunningError) as caught:
        Claim(Settings(home=tmp_path, redis_url=url), "two").take()
    assert "unix://default:***@/" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_a_claim_says_is_safe_to_show(claiming: Claiming, connection: Redis) -> None:
    put(connection, replace(elsewhere("one", LONG), home="/home/\x1b[2J"))
    with pytest.raises(InstanceRunningError) as caught:
        claiming("two").take()
    assert "\x1b" not in str(caught.value)


def leave_job(connection: Redis, settings: Settings) -> None:
    enqueue(connection, [job_data(settings, "gather", ("e1",), "gather-1")])


def leave_result(connection: Redis, _settings: Settings) -> None:
    ResultStream(connection).append([QueryResult("e1", "bm25", "q1")])


def test_of_another_instance_that_is_gone_and_left_nothing_it_is_taken_over(
    claiming: Claiming, connection: Redis
) -> None:
    put(connection, elsewhere("one", SHORT, ago=1))
    claiming("two").take()
    assert holder(connection).identity == "two"


@pytest.mark.parametrize(
    ("leave", "left"),
    [(leave_job, "jobs left there: 1, results: 0"), (leave_result, "jobs left there: 0, results: 1")],
)
def test_of_another_instance_that_left_something_it_is_not(
    leave: Callable[[Redis, Settings], None],
    left: str,
    claiming: Claiming,
    connection: Redis,
    valkey: Settings,
) -> None:
    put(connection, elsewhere("one", SHORT, ago=100))
    leave(connection, valkey)
    with pytest.raises(
        InstanceRunningError, match=f"/srv/evaluator on far, seen 100 s ago; {left}"
    ) as caught:
        claiming("two").take()
    assert "If that instance is gone for good, empty the database" in str(caught.value)
    claiming("one").take()  # its own instance goes on with it


def test_of_this_instance_on_a_machine_that_is_gone_it_is_taken_over_once_its_lease_ends(
    claiming: Claiming, connection: Redis
) -> None:
    put(connection, elsewhere("one", SHORT))
    claiming("one").take()
    assert holder(connection).process == this_process()


def test_a_copy_of_this_instance_that_serves_elsewhere_keeps_it(
    claiming: Claiming, connection: Redis
) -> None:
    put(connection, elsewhere("one", LONG))
    refused = ThreadPoolExecutor(1).submit(claiming("one").take)
    while not refused.done():  # it renews its claim
        put(connection, elsewhere("one", LONG))
        time.sleep(0.01)
    with pytest.raises(InstanceRunningError, match="used by a copy of this instance: /srv/evaluator on far"):
        refused.result()


SERVE = """
import sys
from pathlib import Path
from evaluator.jobs.processes.claim import Claim
from evaluator.settings import Settings
claim = Claim(Settings(home=Path(sys.argv[1]), redis_url=sys.argv[2]), sys.argv[3], float(sys.argv[4]))
claim.take()
claim.keep()
print("claimed", flush=True)
sys.stdin.read()
"""


@contextmanager
def serving(valkey: Settings, home: Path, identity: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a claim."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(home), valkey.queue_url, identity, str(LONG)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_after_a_kill_the_instance_itself_goes_on_at_once(
    claiming: Claiming, connection: Redis, valkey: Settings, tmp_path: Path
) -> None:
    with serving(valkey, tmp_path, "one") as process:
        with pytest.raises(InstanceRunningError):
            claiming("two").take()
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(InstanceRunningError):  # it is not another's for that
            claiming("two").take()
        claiming("one").take()  # though the lease goes on for an hour
    assert holder(connection).process == this_process()


def test_a_process_id_that_is_used_again_is_another_process() -> None:
    now = this_process()
    assert not now.is_gone
    assert replace(now, started=now.started - 60).is_gone
    assert replace(now, pid=2**22 + 1).is_gone
    assert not replace(now, pid=2**22 + 1, space="elsewhere").is_gone  # it cannot be told
    assert now.is_here(now.pid)
    assert not now.is_here(1)


def test_of_many_that_come_at_once_one_has_it(claiming: Claiming, connection: Redis) -> None:
    for round_ in range(20):
        connection.delete(CLAIM)
        start = threading.Barrier(6)

        def take(claim: Claim, start: threading.Barrier = start) -> bool:
            start.wait()
            try:
                claim.take()
            except InstanceRunningError:
                return False
            return True

        claims = [claiming(f"{round_}-{number}") for number in range(6)]
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(take, claims)) == 1


def test_it_is_renewed_while_it_is_kept(claiming: Claiming, connection: Redis) -> None:
    claim = claiming("one", SHORT)
    claim.take()
    claim.keep()
    seen = holder(connection).seen
    eventually(lambda: holder(connection).seen > seen + 2 * SHORT)
    with pytest.raises(InstanceRunningError):
        claiming("two").take()


def test_when_the_queue_has_lost_its_data_it_is_claimed_again(claiming: Claiming, connection: Redis) -> None:
    claim = claiming("one", SHORT)
    claim.take()
    claim.keep()
    connection.flushall()
    eventually(lambda: connection.exists(CLAIM))
    assert holder(connection).identity == "one"
    claim.confirm()


def test_when_another_has_claimed_it_meanwhile_that_is_told_until_it_is_free(
    claiming: Claiming, connection: Redis
) -> None:
    first = claiming("one", SHORT)
    first.take()
    put(connection, elsewhere("two", LONG))
    first.keep()
    with pytest.raises(QueueUnavailableError, match="used by another instance: /srv/evaluator on far"):
        eventually(first.require)
    with pytest.raises(QueueUnavailableError):
        first.confirm()
    connection.delete(CLAIM)
    eventually(lambda: is_held(first))
    assert holder(connection).identity == "one"


def is_held(claim: Claim) -> bool:
    try:
        claim.require()
    except QueueUnavailableError:
        return False
    return True


def test_a_process_that_was_asleep_looks_before_it_goes_on(claiming: Claiming, connection: Redis) -> None:
    claim = claiming("one")
    claim.take()
    claim._confirmed -= 2 * LONG  # and nobody renewed it
    put(connection, elsewhere("two", LONG))
    claim.require()  # it does not know
    with pytest.raises(QueueUnavailableError):
        claim.confirm()


@pytest.mark.parametrize("found", [b"not JSON", b"[]", b"{}", b"\xff", b'{"process": 3}'])
def test_a_claim_that_says_nothing_is_nobodys(found: bytes, claiming: Claiming, connection: Redis) -> None:
    connection.set(CLAIM, found)
    claiming("one").take()
    assert holder(connection).identity == "one"


def test_a_claim_says_who_and_when(connection: Redis) -> None:
    held = elsewhere("one", LONG)
    put(connection, held)
    assert holder(connection) == held
    assert json.loads(held.to_json()) == asdict(held)


def test_whoever_only_looks_claims_nothing(claiming: Claiming, connection: Redis) -> None:
    claiming("two").require_free()
    assert connection.get(CLAIM) is None
    put(connection, elsewhere("one", LONG))
    claiming("one").require_free()
    with pytest.raises(InstanceRunningError):
        claiming("two").require_free()
