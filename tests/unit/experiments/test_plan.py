"""The plan: what is there, what must be encoded, and what several variants share."""

from __future__ import annotations

import dataclasses
import math
import threading
from pathlib import Path

import pytest

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Rerank,
    Retrieve,
    Stage,
    Variant,
)
from evaluator.errors import EncoderNotFoundError, InvalidInputError, LookingUpError, UnknownNameError
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.lifecycle import resolve_spec
from evaluator.experiments.plan import SECONDS_PER_SEARCH, EncodingEstimate, passages_of, plan
from evaluator.experiments.records import plan_record
from evaluator.library import catalog
from evaluator.retrieval.encoders import resolve
from evaluator.retrieval.encoders.hub import HubModel
from evaluator.retrieval.encoders.lookups import Lookups
from evaluator.retrieval.search.indexes import Sources, build_index
from evaluator.retrieval.texts.passages import build_passages
from evaluator.retrieval.vectors.encoding import encode_shard, plan_encoding
from evaluator.store import experiments, results
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS
from tests.recorded import begin
from tests.unit.retrieval.fake_encoder import HashEncoder

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
DISTILLED = f"distilled:{MINILM}"
WORDS = Variant("bm25", Retrieve(bm25=BM25()))
VECTORS = Variant("minilm", Retrieve(dense=Dense(MINILM)))
BOTH = Variant("both", Retrieve(fuse=Fuse(of=(WORDS.retrieve, VECTORS.retrieve))))
SMALL = Chunk("tokens", 8, 2)
"""Passages of `tiny`: its documents have 4 to 8 words, hence about 6 to 12 tokens."""

QUERY_TOKENS = sum(len(" ".join(topic.split()[:3])) for topic in TOPICS) / 4
DOCUMENT_TOKENS = sum(map(len, TOPICS)) / 4


def experiment(*variants: Variant, **fields: object) -> Experiment:
    return Experiment("look", "tiny", variants, **fields)  # type: ignore[arg-type]


def sources(workspace: Workspace, planned: Experiment) -> Sources:
    row = catalog.find(workspace, "tiny")
    spec = resolve_spec(workspace, planned, row, allow_paths=False)
    return Sources(spec, catalog.load(workspace, row), workspace.store)


def stages(planned: Experiment) -> list[Stage]:
    return [stage for variant in planned.variants for stage in variant.stages()]


def encode(workspace: Workspace, planned: Experiment) -> None:
    """Encode what is missing, with vectors made of hashes."""
    found = sources(workspace, planned)
    for stage in stages(planned):
        for encoding in found.encodings(stage):
            for shard in plan_encoding(encoding.encoder, encoding.texts, found.store).missing:
                encode_shard(encoding.encoder, encoding.texts.role, shard, HashEncoder(), found.store)


def by_texts(estimates: tuple[EncodingEstimate, ...]) -> dict[str, EncodingEstimate]:
    return {estimate.of: estimate for estimate in estimates}


def test_at_first_everything_is_to_be_done(workspace: Workspace) -> None:
    found = plan(workspace, experiment(WORDS, VECTORS))
    assert found.variants == ("bm25", "minilm")
    assert (found.to_evaluate, found.recorded) == (20, 0)  # 2 variants x 10 queries
    assert (found.indexes, found.indexes_cached) == (3, 0)  # BM25's, the documents' vectors, the queries'
    parts = by_texts(found.encodings)
    assert {of: (part.texts, part.cached) for of, part in parts.items()} == {
        "queries": (10, 0), "documents": (10, 0),
    }  # fmt: skip
    assert parts["documents"].tokens == round(DOCUMENT_TOKENS)
    assert parts["queries"].tokens == round(QUERY_TOKENS)
    assert not found.measured
    assert found.usd is None
    assert found.memory == 20 * 384 * 4  # texts x MiniLM's dimensions x bytes


def test_once_all_is_encoded_nothing_is_left_to_encode(workspace: Workspace) -> None:
    planned = experiment(VECTORS)
    encode(workspace, planned)
    found = plan(workspace, planned)
    assert [part.to_encode for part in found.encodings] == [0, 0]
    assert (found.tokens, found.measured) == (0, True)
    assert found.seconds == pytest.approx(10 * SECONDS_PER_SEARCH / 2)  # queries, over two workers
    assert found.indexes_cached == 0

    for stage in stages(planned):
        build_index(stage, sources(workspace, planned))
    found = plan(workspace, planned)
    assert [part.to_encode for part in found.encodings] == [0, 0]
    assert found.indexes_cached == found.indexes == 2


def test_the_time_estimate_uses_the_encoders_measured_speed(workspace: Workspace) -> None:
    encode(workspace, experiment(VECTORS))
    cut = Variant("cut", Retrieve(dense=Dense(MINILM, chunk=SMALL)))
    found = by_texts(plan(workspace, experiment(cut)).encodings)
    passages = found["passages (tokens-8-2)"]
    assert passages.measured
    assert passages.seconds < passages.tokens / 3300 / 2  # hashing is faster than the rough rate


def test_what_variants_share_counts_once_and_is_said(workspace: Workspace) -> None:
    diverse = dataclasses.replace(WORDS, name="diverse", rerank=(Rerank(mmr=MMR(MINILM)),))
    found = plan(workspace, experiment(WORDS, VECTORS, BOTH, diverse))
    assert [(part.of, part.texts, part.variants) for part in found.encodings] == [
        ("queries", 10, 3), ("documents", 10, 3),
    ]  # fmt: skip
    assert found.shared == (
        f"3 variants share the queries and documents of {MINILM}: encoded once",
        "3 variants share the candidates of bm25: searched once",  # alone, fused, reranked
        "2 variants share the candidates of minilm: searched once",
    )
    assert found.indexes == 3


def test_another_precision_is_another_encoder(workspace: Workspace) -> None:
    half = Variant("half", Retrieve(dense=Dense(MINILM, "bfloat16")))
    found = plan(workspace, experiment(VECTORS, half))
    assert {part.encoder for part in found.encodings} == {MINILM, f"{MINILM} in bfloat16"}
    assert found.shared == ()


def test_passages_are_estimated_until_they_are_cut(workspace: Workspace) -> None:
    planned = experiment(Variant("cut", Retrieve(dense=Dense(MINILM, chunk=SMALL))))
    before = by_texts(plan(workspace, planned).encodings)["passages (tokens-8-2)"]
    assert not before.exact
    # 10 documents, about 75 tokens, 6 new ones a passage: 10 / 2 + 75 / 6 = 17
    assert before.texts == passages_of(DOCUMENT_TOKENS, 10, SMALL)
    assert before.cached == 0

    found = sources(workspace, planned)
    for stage in stages(planned):
        cut = found.cut(stage)
        assert cut is not None
        build_passages(cut[0], cut[1], found.dataset, workspace.store)
    after = by_texts(plan(workspace, planned).encodings)["passages (tokens-8-2)"]
    assert after.exact
    assert 10 <= after.texts <= 2 * before.texts
    assert after.cached == 0

    encode(workspace, planned)
    assert by_texts(plan(workspace, planned).encodings)["passages (tokens-8-2)"].to_encode == 0


def test_passages_overlap_so_there_are_more_tokens_to_encode() -> None:
    assert passages_of(10_000, 10, Chunk("tokens", 100, 0)) == 5 + 100
    assert passages_of(10_000, 10, Chunk("tokens", 100, 50)) == 5 + 200
    assert passages_of(50, 10, Chunk("tokens", 100, 0)) == 10  # at least one a document


def test_an_endpoint_with_a_price_gives_an_amount(workspace: Workspace) -> None:
    endpoint = Endpoint("small", "http://localhost:9/v1", "m", usd_per_million_tokens=20.0, dimensions=256)
    planned = experiment(Variant("small", Retrieve(dense=Dense("small"))), endpoints=(endpoint,))
    found = plan(workspace, planned, allow_paths=True)
    # USD: tokens / 1,000,000 x 20
    assert found.usd == pytest.approx((QUERY_TOKENS + DOCUMENT_TOKENS) * 20 / 1e6)
    assert found.memory == 20 * 256 * 4

    encode(workspace, planned)
    assert plan(workspace, planned, allow_paths=True).usd == 0


def test_an_endpoint_that_the_operator_does_not_allow_is_refused(workspace: Workspace) -> None:
    endpoint = Endpoint("small", "http://localhost:9/v1", "m")
    planned = experiment(Variant("small", Retrieve(dense=Dense("small"))), endpoints=(endpoint,))
    with pytest.raises(InvalidInputError, match="may not be asked"):
        plan(workspace, planned)


def test_a_chat_model_reads_every_window(workspace: Workspace) -> None:
    endpoint = Endpoint(
        "chat", "http://localhost:9/v1", "m", usd_per_million_tokens=1.0, usd_per_million_output_tokens=10.0
    )
    stage = LanguageModel("chat", window=4, step=2)
    ordered = dataclasses.replace(WORDS, rerank=(Rerank(llm=stage, depth=6),))
    (found,) = plan(workspace, experiment(ordered, endpoints=(endpoint,)), allow_paths=True).reranking
    # 6 candidates in windows of 4: [2, 6], then [0, 4]; for each of 10 queries 2 requests with 8 documents.
    read = 10 * (2 * QUERY_TOKENS / 10 + 8 * DOCUMENT_TOKENS / 10)
    written = 10 * 8 * 4
    assert found.pairs == 60
    assert found.tokens == round(read + written)
    assert found.usd == pytest.approx(math.ceil(round(read) * 1.0 + written * 10.0) / 1e6)


def test_what_is_recorded_is_not_evaluated_again_but_what_failed_is(workspace: Workspace) -> None:
    planned = experiment(WORDS)
    spec = sources(workspace, planned).spec
    begin(workspace.database, spec, "tiny", 10)
    done = [QueryResult(spec.id, "bm25", f"q{n}", Ranking(("d1",), (1.0,)), {"RR@10": 1.0}) for n in range(6)]
    failed = QueryResult(spec.id, "bm25", "q6", error="ValueError: no")
    results.record(workspace.database, [*done, failed])
    found = plan(workspace, planned)
    assert (found.id, found.recorded, found.to_evaluate) == (spec.id, 6, 4)


def test_a_matrix_encodes_each_text_once_per_encoder(workspace: Workspace) -> None:
    text = f"""
    name: matrix
    dataset: tiny
    matrix:
      encoders: [{MINILM}, "{DISTILLED}"]
      retrieve: [bm25, dense, hybrid]
      dimensions: [none, 64]
      rerank: [none, {{mmr: {{encoder: {MINILM}}}}}]
    """
    found = plan(workspace, parse_experiment(text))
    # Each of bm25, 2 encoders x 2 dimensions dense, and as many hybrid, with and without MMR: (1 + 4 + 4) x 2.
    assert len(found.variants) == 18
    assert {(part.encoder, part.of) for part in found.encodings} == {
        (encoder, of) for encoder in (MINILM, DISTILLED) for of in ("queries", "documents")
    }
    assert sum(part.texts for part in found.encodings) == 2 * 20


def test_a_plan_starts_and_writes_nothing_but_the_language_of_the_corpus(workspace: Workspace) -> None:
    before = workspace.store.all_sizes()
    plan(workspace, experiment(WORDS, VECTORS))
    corpus = catalog.find(workspace, "tiny").manifest.corpus
    assert workspace.store.all_sizes().keys() - before.keys() == {f"languages/{corpus}.json"}
    assert experiments.all_experiments(workspace.database) == []


def test_an_unknown_dataset_is_named(workspace: Workspace) -> None:
    with pytest.raises(UnknownNameError, match="no dataset is called 'gone'; there are: tiny"):
        plan(workspace, Experiment("look", "gone", (WORDS,)))


def test_a_cross_encoder_reads_every_candidate(workspace: Workspace, tmp_path: Path) -> None:
    model = tmp_path / "cross"
    model.mkdir()
    (model / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    (model / "tokenizer.json").write_text("{}")
    ordered = dataclasses.replace(WORDS, rerank=(Rerank(cross_encoder=CrossEncoder(str(model)), depth=5),))
    found = plan(workspace, experiment(ordered), allow_paths=True)
    (reranking,) = found.reranking
    assert (reranking.variant, reranking.pairs) == ("bm25", 50)  # 10 queries x 5 candidates
    assert reranking.tokens == round(50 * (QUERY_TOKENS + DOCUMENT_TOKENS) / 10)
    assert not found.measured


def test_the_record_is_plain_json_with_the_sums(workspace: Workspace) -> None:
    found = plan(workspace, experiment(WORDS, VECTORS))
    record = plan_record(found)
    assert record["variants"] == ["bm25", "minilm"]
    assert record["tokens"] == found.tokens
    assert record["seconds"] == found.seconds
    assert record["encodings"][0]["to_encode"] == 10
    assert set(record) >= {"id", "measured", "usd", "memory", "shared", "to_evaluate", "reranking"}


def test_an_experiment_keeps_one_place_at_the_hub_however_many_models_it_names(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    release = threading.Event()

    def find(name: str, *, silent: bool) -> HubModel:
        asked.append(name)
        release.wait(20)
        raise EncoderNotFoundError("the hub gave none")

    monkeypatch.setattr(resolve, "lookups", Lookups(find))
    models = [Variant(f"v{n}", Retrieve(dense=Dense(f"stranger/model-{n}"))) for n in range(9)]
    for _ in range(3):
        with pytest.raises(LookingUpError, match="'stranger/model-0' is still being looked up"):
            plan(workspace, experiment(*models), hub_patience=0.01)
    assert asked == ["stranger/model-0"]
    release.set()
    with pytest.raises(
        EncoderNotFoundError, match=r"no encoder 'stranger/model-0': .*, and the hub gave none"
    ):
        plan(workspace, experiment(*models), hub_patience=20)
    assert asked == ["stranger/model-0"]
