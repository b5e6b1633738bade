"""The results stream: what goes in comes out, and stays until somebody says that it is recorded."""

from __future__ import annotations

from typing import cast

import pytest
from redis import Redis

from evaluator.domain.result import QueryResult, Record, Rejected, VariantFailure
from evaluator.jobs.results.codec import VERSION, encode
from evaluator.jobs.results.dead_letters import (
    DEAD_LETTERS,
    MOST_BYTES,
    MOST_KEPT,
    DeadLetterCounts,
    count_dead_letters,
    dead_letters,
    drop_dead_letters,
)
from evaluator.jobs.results.stream import FIELD, GROUP, STREAM, ResultStream


def results(*query_ids: str) -> list[Record]:
    return [QueryResult("e", "bm25", query_id) for query_id in query_ids]


def records(entries: list[tuple[bytes, Record | Rejected]]) -> list[Record | Rejected]:
    return [record for _, record in entries]


@pytest.fixture
def stream(connection: Redis) -> ResultStream:
    stream = ResultStream(connection)
    stream.open()
    return stream


def test_records_are_read_in_order(stream: ResultStream) -> None:
    stream.append([*results("q1", "q2"), VariantFailure("e", "dense", "no model")])
    assert records(stream.read(10, wait=0)) == [
        *results("q1", "q2"),
        VariantFailure("e", "dense", "no model"),
    ]


def test_no_more_are_read_than_asked_for(stream: ResultStream) -> None:
    stream.append(results("q1", "q2", "q3"))
    assert records(stream.read(2, wait=0)) == results("q1", "q2")


def test_reading_waits_for_nothing_longer_than_told(stream: ResultStream) -> None:
    assert stream.read(10, wait=0.01) == []


def test_what_was_read_and_not_acknowledged_is_read_again_first(
    connection: Redis, stream: ResultStream
) -> None:
    stream.append(results("q1", "q2"))
    stream.read(10, wait=0)
    stream.append(results("q3"))
    successor = ResultStream(connection)  # the recorder before died
    successor.open()
    again = successor.read(10, wait=0)
    assert records(again) == results("q1", "q2")
    successor.acknowledge([id_ for id_, _ in again])
    assert records(successor.read(10, wait=0)) == results("q3")


def test_what_is_acknowledged_leaves_the_stream(stream: ResultStream) -> None:
    stream.append(results("q1", "q2"))
    first, _ = stream.read(10, wait=0)
    stream.acknowledge([first[0]])
    assert len(stream) == 1
    assert records(stream.read(10, wait=0)) == results("q2")
    stream.acknowledge([])
    assert len(stream) == 1


def test_what_came_before_the_first_recorder_is_read(connection: Redis) -> None:
    stream = ResultStream(connection)
    stream.append(results("q1"))
    stream.open()
    stream.open()
    assert records(stream.read(10, wait=0)) == results("q1")


def test_appending_can_be_part_of_a_transaction(connection: Redis, stream: ResultStream) -> None:
    with connection.pipeline(transaction=True) as pipeline:
        stream.append(results("q1"), pipeline)
        assert len(stream) == 0
        pipeline.execute()
    assert len(stream) == 1


def test_appending_nothing_is_nothing(stream: ResultStream) -> None:
    stream.append([])
    assert len(stream) == 0


NEWER = encode(QueryResult("e", "bm25", "q9")).replace(
    b'"version":%d' % VERSION, b'"version":%d' % (VERSION + 1)
)


def entries(connection: Redis, stream: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """All of a stream's."""
    return cast("list[tuple[bytes, dict[bytes, bytes]]]", connection.xrange(stream))


def bury_unreadable(stream: ResultStream) -> None:
    """Read all, and give up what is no record."""
    entries = stream.read(10_000, wait=0)
    dead = {id_: entry for id_, entry in entries if isinstance(entry, Rejected)}
    stream.acknowledge([id_ for id_, _ in entries if id_ not in dead], dead)


def test_what_cannot_be_read_stands_between_the_others_with_the_reason(
    connection: Redis, stream: ResultStream
) -> None:
    stream.append(results("q1"))
    connection.xadd(STREAM, {FIELD: b"not JSON"})
    connection.xadd(STREAM, {"other": b"\xff"})
    connection.xadd(STREAM, {FIELD: NEWER})
    stream.append(results("q2"))
    first, *unread, last = records(stream.read(10, wait=0))
    assert [first, last] == results("q1", "q2")
    reasons = [entry.reason for entry in unread if isinstance(entry, Rejected)]
    assert [reason[:20] for reason in reasons] == [
        "it is not JSON: inva",
        "the entry has no fie",
        "it has version 2, an",
    ]


def test_a_dead_letter_leaves_the_stream_and_is_kept_apart(connection: Redis, stream: ResultStream) -> None:
    stream.append(results("q1"))
    connection.xadd(STREAM, {FIELD: b"\x1b[2Jred\xff"})
    bury_unreadable(stream)
    assert len(stream) == 0
    assert connection.xpending(STREAM, GROUP)["pending"] == 0
    (letter,) = dead_letters(connection)
    assert letter.reason.startswith("it is not JSON")
    assert letter.content == "\N{REPLACEMENT CHARACTER}[2Jred\N{REPLACEMENT CHARACTER}"
    assert letter.bytes == 8
    assert count_dead_letters(connection) == DeadLetterCounts(kept=1, total=1)


def test_dead_letters_are_bounded_and_all_are_counted(connection: Redis, stream: ResultStream) -> None:
    with connection.pipeline() as pipeline:
        for number in range(MOST_KEPT + 5):
            pipeline.xadd(STREAM, {FIELD: b"%d " % number + b"x" * MOST_BYTES})
        pipeline.execute()
    bury_unreadable(stream)
    assert count_dead_letters(connection) == DeadLetterCounts(kept=MOST_KEPT, total=MOST_KEPT + 5)
    letters = dead_letters(connection)
    assert (letters[0].content.split()[0], letters[-1].content.split()[0]) == (str(MOST_KEPT + 4), "5")
    assert len(letters[0].content) == 500
    assert letters[0].bytes == MOST_BYTES + 5
    assert {len(letter[b"content"]) for _, letter in entries(connection, DEAD_LETTERS)} == {MOST_BYTES}
    assert drop_dead_letters(connection) == MOST_KEPT
    assert count_dead_letters(connection) == DeadLetterCounts(kept=0, total=MOST_KEPT + 5)


def test_entries_that_somebody_trimmed_after_they_were_read_hold_nothing_up(
    connection: Redis, stream: ResultStream
) -> None:
    stream.append(results("q1", "q2", "q3"))
    first, second, _ = stream.read(3, wait=0)
    connection.xdel(STREAM, first[0], second[0])
    assert records(stream.read(2, wait=0)) == results("q3")  # two of two that are read first are gone
    assert connection.xpending(STREAM, GROUP)["pending"] == 1
