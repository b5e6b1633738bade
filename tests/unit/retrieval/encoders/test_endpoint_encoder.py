"""Encoders behind an HTTP interface: what is sent, what is accepted, what is tried again, and what is never stored."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import numpy as np
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import EncoderNotFoundError, EncodingError, EvaluatorError, InvalidInputError
from evaluator.retrieval.encoders.endpoint import EndpointEncoder
from evaluator.retrieval.endpoints import client
from evaluator.retrieval.endpoints.client import retry_after
from evaluator.retrieval.endpoints.usage import Usage
from evaluator.retrieval.texts.encoder_texts import document_texts
from evaluator.retrieval.vectors.encoding import encode_shard, plan_encoding, vector_folder
from tests.endpoint_server import (
    Behaviour,
    EndpointServer,
    OpenGate,
    endpoint_at,
    endpoint_spec,
    give,
    raw,
    refuse,
    serve_endpoint,
)
from tests.proxy_server import refusing_proxy
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import hash_vector

SECRET = "sk-very-secret-0123456789"


@pytest.fixture
def server() -> Iterator[EndpointServer]:
    with serve_endpoint() as server:
        yield server


@pytest.fixture
def gate() -> OpenGate:
    return OpenGate()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between requests are short."""
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.001)


def encoder(server: EndpointServer, gate: OpenGate, **changes: Any) -> EndpointEncoder:
    return EndpointEncoder(endpoint_spec(endpoint_at(server.url, **changes)), gate)


# --- what is sent ---


def test_texts_are_sent_in_batches_and_come_back_in_their_order(
    server: EndpointServer, gate: OpenGate
) -> None:
    vectors = encoder(server, gate, batch_size=2).encode(["a", "b", "c"], "document")
    assert [body["input"] for body in server.bodies] == [["a", "b"], ["c"]]
    assert server.bodies[0] == {"model": "hash-8", "input": ["a", "b"], "encoding_format": "float"}
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [hash_vector(text, "document") for text in "abc"])


def test_each_role_has_its_prompt(server: EndpointServer, gate: OpenGate) -> None:
    spec = endpoint_spec(endpoint_at(server.url), query_prompt="query: ", document_prompt="passage: ")
    both = EndpointEncoder(spec, gate)
    both.encode(["wing"], "query")
    both.encode(["wing"], "document")
    assert server.texts == ["query: wing", "passage: wing"]


def test_dimensions_are_asked_for_if_they_are_given(server: EndpointServer, gate: OpenGate) -> None:
    encoder(server, gate, dimensions=8).encode(["a"], "document")
    assert server.bodies[0]["dimensions"] == 8


def test_an_empty_text_is_sent_as_a_space(server: EndpointServer, gate: OpenGate) -> None:
    encoder(server, gate).encode(["", "\n\t", "a"], "document")
    assert server.texts == [" ", " ", "a"]


def test_no_text_is_no_request(server: EndpointServer, gate: OpenGate) -> None:
    assert encoder(server, gate).encode([], "query").shape == (0, 0)
    assert server.bodies == []


def test_the_key_is_read_when_it_is_needed(
    server: EndpointServer, gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_key = encoder(server, gate, key="SOME_API_KEY")
    monkeypatch.setenv("SOME_API_KEY", SECRET + "\n")
    with_key.encode(["a"], "document")
    encoder(server, gate).encode(["a"], "document")
    assert server.keys == [f"Bearer {SECRET}", None]


# --- what it costs ---


def test_tokens_are_those_that_the_server_counts(server: EndpointServer, gate: OpenGate) -> None:
    counting = encoder(server, gate, batch_size=1)
    counting.encode(["two words", "and three words"], "document")
    assert gate.tokens == [(2, 0), (3, 0)]
    assert counting.usage == Usage(5, 0, estimated=False)


def test_else_a_token_is_taken_for_four_characters(server: EndpointServer, gate: OpenGate) -> None:
    server.counts_tokens = False
    guessing = encoder(server, gate)
    guessing.encode(["two words"], "document")  # 9 characters: 2.25, rounded up
    assert guessing.usage == Usage(3, 0, estimated=True)


def test_an_answer_is_accounted_for_though_it_is_wrong(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.append(raw(b'{"data": [{"ind'))
    with pytest.raises(EncodingError):
        encoder(server, gate).encode(["12345678"], "document")
    assert gate.tokens == [(2, 0)]


# --- what is accepted ---


def test_results_are_ordered_by_their_index(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.append(give(lambda results: results[::-1]))
    vectors = encoder(server, gate).encode(["a", "b", "c"], "document")
    np.testing.assert_array_equal(vectors, [hash_vector(text, "document") for text in "abc"])


def test_a_result_without_an_index_is_in_its_place(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.append(
        give(lambda rs: [{"embedding": r["embedding"]} if not r["index"] else r for r in rs])
    )
    vectors = encoder(server, gate).encode(["a", "b"], "document")
    np.testing.assert_array_equal(vectors, [hash_vector(text, "document") for text in "ab"])


def changed(**fields: Any) -> Behaviour:
    """The first result has other fields."""
    return give(lambda results: [{**results[0], **fields}, *results[1:]])


WRONG: dict[str, tuple[Behaviour, str]] = {
    "too few results": (give(lambda results: results[:-1]), "2 results for 3 texts"),
    "too many results": (give(lambda results: [*results, results[0]]), "4 results for 3 texts"),
    "an index twice": (changed(index=1), "whose index is not each of 0 to 2 once"),
    "an index that is no number": (changed(index="0"), "whose index is not each of 0 to 2 once"),
    "a vector of other dimensions": (changed(embedding=[1.0] * 7), "different dimensions"),
    "an empty vector": (give(lambda rs: [{**r, "embedding": []} for r in rs]), "different dimensions"),
    "base64": (changed(embedding="AACAPw=="), "no list of numbers"),
    "NaN": (changed(embedding=[float("nan")] * 8), "not finite"),
    "infinity": (changed(embedding=[1e39] * 8), "not finite"),  # beyond float32
    "truth values": (changed(embedding=[True] * 8), "no list of numbers"),
    "texts": (changed(embedding=["1"] * 8), "no list of numbers"),
    "a number beyond all": (changed(embedding=[10**400] * 8), "no list of numbers"),
    "null": (changed(embedding=[None] * 8), "not finite"),
    "no embedding": (changed(embedding=None), "different dimensions"),
    "truncated JSON": (raw(b'{"data": [{"index": 0, "embedding": [0.1, 0.'), "no JSON object, or only part"),
    "JSON of another kind": (raw(b"[]"), "no JSON object"),
    "no JSON": (raw(b"<html>welcome</html>"), "no JSON object"),
    "nothing": (raw(b""), "no JSON object"),
    "an answer without results": (raw(b'{"object": "list"}'), "no list of results: its answer has the fields object"),
}  # fmt: skip


@pytest.mark.parametrize(("behaviour", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused_and_never_stored(
    server: EndpointServer,
    gate: OpenGate,
    store: ArtifactStore,
    make_dataset: MakeDataset,
    behaviour: Behaviour,
    message: str,
) -> None:
    texts = document_texts(make_dataset(["a", "b", "c"]))
    spec = endpoint_spec(endpoint_at(server.url))
    (shard,) = plan_encoding(spec, texts, store).missing
    server.misbehave.append(behaviour)
    with pytest.raises(EncodingError, match=message):
        encode_shard(spec, "document", shard, EndpointEncoder(spec, gate), store)
    assert store.names(vector_folder(spec, "document")) == {f"{shard.plan}.parquet"}
    encode_shard(spec, "document", shard, EndpointEncoder(spec, gate), store)  # the next attempt mends it
    assert plan_encoding(spec, texts, store).missing == ()


def test_dimensions_other_than_asked_for_are_refused(server: EndpointServer, gate: OpenGate) -> None:
    with pytest.raises(EncodingError, match="gives 8 dimensions though 4 are asked for"):
        encoder(server, gate, dimensions=4).encode(["a"], "document")


def test_dimensions_other_than_before_are_refused(
    server: EndpointServer, gate: OpenGate, store: ArtifactStore, make_dataset: MakeDataset
) -> None:
    """A whole answer of other dimensions shows only against what came before: the model behind a name was replaced."""
    spec = endpoint_spec(endpoint_at(server.url))
    (first,) = plan_encoding(spec, document_texts(make_dataset(["a"])), store).missing
    encode_shard(spec, "document", first, EndpointEncoder(spec, gate), store)
    (second,) = plan_encoding(spec, document_texts(make_dataset(["b"])), store).missing
    server.misbehave.append(give(lambda results: [{**r, "embedding": [1.0] * 4} for r in results]))
    with pytest.raises(EncodingError, match="vectors of 4 dimensions, and gave 8 before"):
        encode_shard(spec, "document", second, EndpointEncoder(spec, gate), store)
    assert second.file("endpoint") not in store.names(vector_folder(spec, "document"))


def test_what_a_shard_took_is_stored_beside_it(
    server: EndpointServer, gate: OpenGate, store: ArtifactStore, make_dataset: MakeDataset
) -> None:
    spec = endpoint_spec(endpoint_at(server.url))
    (shard,) = plan_encoding(spec, document_texts(make_dataset(["one two", "three"])), store).missing
    encode_shard(spec, "document", shard, EndpointEncoder(spec, gate), store)
    cost = store.read_json(f"{vector_folder(spec, 'document')}/{shard.cost_file}")
    assert (cost["tokens"], cost["estimated"]) == (3, False)
    assert 0 < cost["seconds"] < 5


# --- what is tried again ---


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server: EndpointServer, gate: OpenGate, status: int) -> None:
    server.misbehave.extend([refuse(status), refuse(status)])
    vectors = encoder(server, gate).encode(["a"], "document")
    assert len(server.bodies) == 3
    np.testing.assert_array_equal(vectors, [hash_vector("a", "document")])


def test_after_some_requests_it_gives_up(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.extend([refuse(500, "out of\nmemory")] * 9)
    with pytest.raises(EncodingError, match="does not answer after 5 requests: status 500: out of memory"):
        encoder(server, gate).encode(["a"], "document")
    assert len(server.bodies) == client.ATTEMPTS == 5


def test_retry_after_pauses_everybody(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.append(refuse(429, "slow down", retry_after="7"))
    encoder(server, gate).encode(["a"], "document")
    assert gate.paused == [7.0]


def test_whoever_is_told_to_wait_for_long_gives_up_the_worker(server: EndpointServer, gate: OpenGate) -> None:
    server.misbehave.append(refuse(429, "quota", retry_after="3600"))
    with pytest.raises(EncodingError, match="asks to wait for 3,600 s"):
        encoder(server, gate).encode(["a"], "document")
    assert (gate.paused, len(server.bodies)) == ([120.0], 1)


def test_retry_after_is_seconds_or_a_date() -> None:
    later = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after("12") == 12.0
    assert retry_after(format_datetime(later, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0  # long past
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_a_request_that_takes_too_long_is_tried_again(server: EndpointServer, gate: OpenGate) -> None:
    ends = threading.Event()
    server.misbehave.append(lambda _body: (200, {}, str(ends.wait(60)).encode()))
    encoder(server, gate, timeout=0.2).encode(["a"], "document")
    assert len(server.bodies) == 2
    assert not ends.is_set()  # nobody waited for the first answer
    ends.set()


def test_a_server_that_is_not_there(gate: OpenGate) -> None:
    with serve_endpoint() as server:
        pass
    with pytest.raises(EncodingError, match=r"does not answer after 5 requests: .*refused"):
        encoder(server, gate).encode(["a"], "document")


# --- what is not ---

REFUSALS: dict[str, tuple[Behaviour, type[EvaluatorError], str]] = {
    "400": (refuse(400, "input is too long"), InvalidInputError, r"request \(status 400: input is too long"),
    "401": (refuse(401, "bad key"), InvalidInputError, "status 401: bad key.*check the key in SOME_API_KEY"),
    "403": (refuse(403, "not yours"), InvalidInputError, "status 403: not yours"),
    "404": (refuse(404, "no such model"), EncoderNotFoundError, "status 404: no such model.*check model and base_url"),
    "422": (refuse(422, "what?"), InvalidInputError, "status 422: what?"),
    "307": (
        refuse(307, location="http://user:pw@elsewhere.example/v1?token=1"),
        InvalidInputError,
        "redirects to http://elsewhere.example/v1, which is not followed",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("behaviour", "kind", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_is_final_and_carries_the_servers_message(
    server: EndpointServer,
    gate: OpenGate,
    monkeypatch: pytest.MonkeyPatch,
    behaviour: Behaviour,
    kind: type[EvaluatorError],
    message: str,
) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    server.misbehave.extend([behaviour] * 2)
    with pytest.raises(kind, match=message):
        encoder(server, gate, key="SOME_API_KEY").encode(["a"], "document")
    assert len(server.bodies) == 1


def test_the_key_is_in_no_message(
    server: EndpointServer, gate: OpenGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    server.misbehave.append(refuse(401, f"the key {SECRET} is not known"))
    with pytest.raises(InvalidInputError, match=r"the key \*\*\* is not known") as caught:
        encoder(server, gate, key="SOME_API_KEY").encode(["a"], "document")
    assert SECRET not in repr(caught.value)


@pytest.mark.parametrize(
    ("value", "message"), [("", "set the environment variable SOME_API_KEY"), ("a\nb", "no key has")]
)
def test_without_a_usable_key_nothing_is_sent(
    server: EndpointServer, gate: OpenGate, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    monkeypatch.setenv("SOME_API_KEY", value)
    with pytest.raises(InvalidInputError, match=message):
        encoder(server, gate, key="SOME_API_KEY").encode(["a"], "document")
    assert server.bodies == []


def test_proxies_are_those_of_the_environment(
    gate: OpenGate, server: EndpointServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy here is the server itself: it is asked for an address that exists nowhere."""
    monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    client.connections.cache_clear()
    spec = endpoint_spec(endpoint_at("http://nowhere.invalid/v1"))
    EndpointEncoder(spec, gate).encode(["a"], "document")
    assert server.texts == ["a"]


def test_an_endpoint_on_this_machine_is_asked_without_a_proxy(
    gate: OpenGate, server: EndpointServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing_proxy() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        client.connections.cache_clear()
        encoder(server, gate).encode(["a"], "document")
    assert (server.texts, proxy.asked) == (["a"], [])
