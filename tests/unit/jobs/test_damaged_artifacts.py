"""Damage to what is stored: the next experiment has the same scores, or says what is damaged; never other scores.

Every kind of artifact is damaged in turn: a bit is flipped, the end is cut off. The same workers go on, which have
files open and indexes in memory, or others begin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from redis import Redis
from scipy.sparse import csr_array

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.runs import run_artifact, write_run
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec, encoder_key, models_of
from evaluator.domain.ranking import Doubles, Ranking
from evaluator.domain.result import QueryResult, VariantFailure
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    Late,
    Rerank,
    Retrieve,
    Run,
    Sparse,
    Variant,
)
from evaluator.jobs import context
from evaluator.jobs.adhoc_queries import answer, enqueue_questions
from evaluator.jobs.context import WorkerContext
from evaluator.jobs.processes.worker import WarmWorker
from evaluator.retrieval.candidates import drop_candidates
from evaluator.retrieval.encoders.encoded import Terms, Tokens
from evaluator.retrieval.encoders.opening import distilled_name
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.encoders.resolve import resolve_encoder
from tests.models import TinyModels
from tests.unit.datasets.folders import write_decision_record
from tests.unit.jobs.conftest import run_all
from tests.unit.jobs.experiments import make_dataset, make_spec
from tests.unit.jobs.test_submission import SETTINGS, results, send
from tests.unit.retrieval.fake_encoder import HashEncoder, hash_spec, hash_vector

DOCUMENTS = [f"First sentence of {n}. Second one about {n % 3}. And a third for {n}." for n in range(7)]
QUERIES = [f"sentence about {n}" for n in range(4)]
QUERY_IDS = [f"q{n}" for n in range(len(QUERIES))]
RUN = {query_id: Ranking(("d1", "d0"), (2.0, 1.0)) for query_id in QUERY_IDS}

LEXICAL, SEMANTIC = Retrieve(bm25=BM25()), Retrieve(dense=Dense("dense"))
VARIANTS = (
    Variant("bm25", LEXICAL),
    Variant("dense", SEMANTIC),
    Variant("fused", Retrieve(fuse=Fuse(of=(LEXICAL, SEMANTIC)))),
    Variant("int8", Retrieve(dense=Dense("dense", quantize="int8", rescore=2))),
    Variant("bits", Retrieve(dense=Dense("dense", quantize="binary"))),
    Variant("sparse", Retrieve(sparse=Sparse("sparse"))),
    Variant("late", Retrieve(late=Late("late"))),
    Variant("passages", Retrieve(dense=Dense("dense", chunk=Chunk("sentences", 8)))),
    Variant("crossed", LEXICAL, (Rerank(cross_encoder=CrossEncoder("cross"), depth=5),)),
    Variant("diverse", LEXICAL, (Rerank(mmr=MMR("dense"), depth=5),)),
)
"""Together they read every kind of index."""


class Weights:
    """Gives a text's words weights that their hashes seed."""

    def encode(self, texts: Sequence[str], role: Role) -> Terms:
        return csr_array(np.abs(np.stack([hash_vector(text, role) for text in texts])))


class TokenVectors:
    """Gives each word of a text a vector."""

    def encode(self, texts: Sequence[str], role: Role) -> Tokens:
        return [np.stack([hash_vector(word, role) for word in text.split()]) for text in texts]


class Lengths:
    """Scores a document by its hash."""

    def score(self, query: str, texts: Sequence[str]) -> Doubles:
        return np.array([hash_vector(f"{query} {text}", "document")[0] for text in texts], dtype=np.float64)


MODELS: dict[str, tuple[EncoderSpec, Any]] = {
    "dense": (hash_spec(name="dense", weights="dense"), HashEncoder()),
    "sparse": (hash_spec(name="sparse", weights="sparse", kind="sparse"), Weights()),
    "late": (hash_spec(name="late", weights="late", kind="late"), TokenVectors()),
    "cross": (hash_spec(name="cross", weights="cross", kind="cross"), Lengths()),
}

Lists = dict[tuple[str, str], Ranking | str | None]
"""By variant and query, the list, or why there is none."""


class Instance:
    """A store, and one worker; what the keeper does is done here."""

    def __init__(self, store: ArtifactStore, dataset: StoredDataset, connection: Redis) -> None:
        self.store, self.dataset, self._connection = store, dataset, connection
        self._worker = WarmWorker(connection)
        self.planned = 0
        self.start_workers()

    def start_workers(self) -> None:
        """Workers with nothing in memory but the models."""
        workers = WorkerContext(
            SETTINGS.model_copy(update={"warm_encoders": len(MODELS)}), ArtifactStore(self.store.url)
        )
        for spec, model in MODELS.values():
            workers.models.get(spec.fingerprint, lambda model=model: model)  # type: ignore[misc]
        context._current = workers

    def run(self, spec: ExperimentSpec) -> Lists:
        """Evaluate an experiment; it is planned again while its jobs end without a record."""
        lists: Lists = {}
        self.planned = 0
        while len(lists) < len(spec.variants) * len(QUERY_IDS):
            assert self.planned < 5, "the keeper gives it up"
            self.planned += 1
            send(self._connection, spec, self.dataset, QUERY_IDS)
            run_all(self._worker)
            for record in results(self._connection):
                if isinstance(record, QueryResult):
                    lists[record.variant, record.query_id] = record.error or record.ranking
                elif isinstance(record, VariantFailure):
                    lists |= {(record.variant, query_id): record.error for query_id in QUERY_IDS}
        return lists

    def ask(self, spec: ExperimentSpec, variant: str, text: str) -> Ranking | str | None:
        """Ask a query that is not the dataset's."""
        enqueue_questions(self._connection, spec, [variant], text, SETTINGS)
        run_all(self._worker)
        found = answer(self._connection, spec.id, variant, text)
        return found.ranking or found.error


def spec_of(dataset: StoredDataset, variants: Sequence[Variant] = VARIANTS, **changes: Any) -> ExperimentSpec:
    stages = {encoder_key(stage): stage for variant in variants for stage in models_of(variant)}
    encoders = {key: MODELS[key.partition("|")[0]][0] for key in stages}
    return make_spec(dataset, variants, encoders=encoders, **changes)


@pytest.fixture
def instance(connection: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    monkeypatch.setattr(context, "_current", None)
    store = ArtifactStore(str(tmp_path / "store"))
    yield Instance(store, make_dataset(store, DOCUMENTS, QUERIES), connection)


def flip(path: Path) -> None:
    """Flip a bit in the middle: of a matrix's numbers, an archive's member, a text."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    """Leave out the end."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def damage(store: ArtifactStore, pattern: str, how: Callable[[Path], None]) -> list[str]:
    """Damage the artifacts with such names; which they are."""
    names = sorted(name for name in store.all_sizes() if re.fullmatch(pattern, name))
    for name in names:
        how(Path(store.url) / name)
    return names


MADE = {
    "vectors": (r"indexes/.*-(document|query)\.npy", ["dense", "diverse"]),
    "vectors of the documents": (r"indexes/.*-document\.npy", ["bits"]),
    "bytes": (r"indexes/.*-int8\.npz", ["int8"]),
    "bits": (r"indexes/.*-binary\.npz", ["bits"]),
    "term weights": (r"indexes/.*-sparse\.npz", ["sparse"]),
    "token vectors": (r"indexes/.*-late\.arrow", ["late"]),
    "words": (r"indexes/.*/bm25-.*", ["bm25"]),
    "texts": (r"texts/.*", ["crossed"]),
    "passages": (r"passages/.*", ["passages"]),
    "shards": (r"(indexes|vectors)/.*\.(npy|npz|arrow)", ["dense", "sparse", "late"]),
    "plans": (r"indexes/.*|vectors/.*\.parquet", ["dense", "late"]),
    "searched lists": (r"candidates/.*/.*/.*", ["bm25", "fused"]),
    "how many are searched at once": (r"candidates/[^/]*/shards\.json", ["bm25", "fused"]),
    "the experiment": (r"experiments/.*", ["bm25"]),
    "all": (r"(?!vectors/.*json|datasets|corpora|queries|qrels).*", [variant.name for variant in VARIANTS]),
}
"""What can be made again: names of artifacts, and variants that read them."""


@pytest.mark.parametrize("kind", MADE)
def test_what_can_be_made_again_is(instance: Instance, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    pattern, read_by = MADE[kind]
    spec = spec_of(instance.dataset, [variant for variant in VARIANTS if variant.name in read_by])
    undamaged = instance.run(spec)
    assert {type(found) for found in undamaged.values()} == {Ranking}
    for how in (flip, cut_off) if kind != "all" else (flip,):
        names = damage(instance.store, pattern, how)
        if not names:  # lists to share that were damaged are searched again by the next run
            instance.run(spec)
            names = damage(instance.store, pattern, how)
        assert instance.run(spec) == undamaged
        assert any(f"the artifact {name} is damaged" in caplog.text for name in names)
        instance.start_workers()


IMPORTED = Variant("imported", Retrieve(run=Run("theirs", "ab12")))
DATASET_PARTS = {
    "the documents": "corpora/.*",
    "the queries": "queries/.*",
    "the judgments": "qrels/.*",
    "the description": "datasets/.*",
    "a run": "runs/.*",
}


@pytest.mark.parametrize("how", [flip, cut_off])
@pytest.mark.parametrize("part", DATASET_PARTS)
def test_what_people_brought_is_named_and_can_be_imported_again(
    instance: Instance, part: str, how: Callable[[Path], None]
) -> None:
    def write(path: Path) -> None:
        write_run(path, RUN)

    def bring() -> None:
        make_dataset(instance.store, DOCUMENTS, QUERIES)
        instance.store.put(run_artifact("ab12"), write)

    bring()
    spec = spec_of(instance.dataset, [VARIANTS[0], IMPORTED])
    undamaged = instance.run(spec)
    (name,) = damage(instance.store, DATASET_PARTS[part], how)
    instance.start_workers()
    damaged = instance.run(spec)
    concerned = set(damaged) if part != "a run" else {("imported", query_id) for query_id in QUERY_IDS}
    said = f"the file with {part} of a dataset is damaged: {name} in the store {instance.store.url}; import "
    for case in damaged:
        assert damaged[case] == (f"{said}the dataset again" if case in concerned else undamaged[case])
    bring()
    assert instance.run(spec) == undamaged


@pytest.mark.parametrize("gone", ["damaged", "deleted"])
def test_the_same_documents_and_queries_may_come_again_in_another_order(
    instance: Instance, tmp_path: Path, gone: str
) -> None:
    """Fingerprints do not tell the order, and what was made of rows is in theirs."""
    names = {"dense", "fused", "passages", "crossed", "late"}
    spec = spec_of(instance.dataset, [variant for variant in VARIANTS if variant.name in names])
    doc_ids = instance.dataset.doc_ids
    undamaged = instance.run(spec)
    for part in instance.dataset.parts[:2]:
        if gone == "damaged":
            flip(Path(instance.store.url) / part)
        else:
            instance.store.remove(part)
            drop_candidates(instance.store, spec.id)  # experiments over a dataset are deleted before it is
    folder = write_decision_record(
        tmp_path / "reversed",
        documents=[(f"d{n}", text) for n, text in enumerate(DOCUMENTS)][::-1],
        queries=[(f"q{n}", text) for n, text in enumerate(QUERIES)][::-1],
        judgments=[(f"q{n}", f"d{n}", 1) for n in range(len(QUERIES))],
    )
    again = StoredDataset.open(instance.store, import_dataset(folder, instance.store).fingerprint)
    assert again.manifest.fingerprint == spec.dataset
    assert again.doc_ids == doc_ids[::-1]
    instance.dataset = again
    assert instance.run(spec) == undamaged


@pytest.mark.parametrize("how", [flip, cut_off, Path.unlink])
def test_a_distilled_encoder_is_distilled_again(
    instance: Instance, tiny_models: TinyModels, how: Callable[[Path], None]
) -> None:
    """Of what it was distilled from, to the same vectors: what was encoded before stays valid."""
    stage = Dense(f"distilled:{tiny_models.dense}")
    encoder = resolve_encoder(stage, allow_folders=True)
    spec = make_spec(
        instance.dataset, [Variant("small", Retrieve(dense=stage))], encoders={encoder_key(stage): encoder}
    )
    undamaged = instance.run(spec)
    assert {type(found) for found in undamaged.values()} == {Ranking}
    artifact = Path(instance.store.url) / distilled_name(encoder)
    instance.start_workers()  # the model is not in memory
    how(artifact)
    assert damage(instance.store, "vectors/.*|indexes/.*|candidates/.*", Path.unlink)
    assert instance.run(spec) == undamaged
    assert instance.store.is_whole(distilled_name(encoder))
    how(artifact)
    instance.start_workers()
    assert instance.ask(spec, "small", QUERIES[0]) == undamaged["small", "q0"]
    assert instance.store.is_whole(distilled_name(encoder))
