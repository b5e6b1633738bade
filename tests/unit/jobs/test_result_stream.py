"""The results stream: what goes in comes out, and stays until somebody says that it is recorded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from evaluator.domain.ranking import Ranking
from evaluator.domain.result import ExperimentStop, QueryResult, Record, Spending, VariantFailure
from evaluator.jobs.stream import ResultStream, decode, encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
RANKINGS = st.lists(st.tuples(TEXT, st.floats(-10, 10, width=32)), max_size=5).map(
    lambda hits: Ranking(tuple(doc_id for doc_id, _ in hits), tuple(score for _, score in hits))
)
RESULTS = st.builds(
    QueryResult,
    TEXT,
    TEXT,
    TEXT,
    RANKINGS,
    st.dictionaries(TEXT, NUMBERS, max_size=4),
    NUMBERS,
    st.none() | TEXT,
)
FAILURES = st.builds(VariantFailure, TEXT, TEXT, TEXT)
COUNTS = st.integers(0, 2**53)
SPENDINGS = st.builds(Spending, TEXT, TEXT, TEXT, COUNTS, COUNTS, COUNTS)
STOPS = st.builds(ExperimentStop, TEXT, TEXT)


def results(*query_ids: str) -> list[Record]:
    return [QueryResult("e", "bm25", query_id) for query_id in query_ids]


def records(entries: list[tuple[bytes, Record]]) -> list[Record]:
    return [record for _, record in entries]


@pytest.fixture
def stream(connection: Redis) -> ResultStream:
    stream = ResultStream(connection)
    stream.open()
    return stream


@given(RESULTS | FAILURES | SPENDINGS | STOPS)
def test_what_is_encoded_can_be_decoded(record: Record) -> None:
    assert decode(encode(record)) == record


def test_float32_scores_survive_to_the_last_bit() -> None:
    scores = tuple(np.random.default_rng(0).standard_normal(100).astype(np.float32).tolist())
    record = QueryResult("e", "v", "q", Ranking(tuple(map(str, range(100))), scores))
    assert decode(encode(record)) == record


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
