"""Chunked variants through real workers: cut, plan, then as all others."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator.domain.variant import Chunk
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.retrieval.encoders.resolve import bundled_folder
from evaluator.retrieval.texts.chunking import cut_text
from evaluator.retrieval.texts.tokens import TokenStarts, tokenizer_starts, word_starts
from evaluator.settings import Settings
from tests.conftest import TOPICS, WriteDataset
from tests.integration.conftest import Row, experiment, follow, instance, run_experiment, stored_rows
from tests.integration.faults.faults import Faults

DOCUMENTS = [
    " ".join(f"Part {n} is about the {TOPICS[(topic + n) % 10]}." for n in range(2 + topic % 3))
    for topic in range(10)
]
"""10 documents of 2 to 4 sentences; no two sentences fit into a passage of 16 tokens."""
QUERIES = [" ".join(topic.split()[:3]) for topic in TOPICS]
CHUNK: dict[str, Any] = {"by": "sentences", "size": 16}
DEPTH = 5
TOKENS = tokenizer_starts((bundled_folder() / "tokenizer.json").read_bytes())
"""How the models here count."""


def variants(model: Path) -> dict[str, Any]:
    """Chunked and not, in words and in tokens; two of them count alike."""
    return {
        "bm25": {"bm25": {"chunk": CHUNK}},
        "dense": {"dense": {"encoder": str(model), "chunk": CHUNK}},
        "dot": {
            "dense": {"encoder": str(model), "metric": "dot", "chunk": {**CHUNK, "score": "sum", "top": 2}}
        },
        "whole": {"dense": {"encoder": str(model)}},
    }


def passages(starts: TokenStarts) -> list[tuple[int, str]]:
    """The passages of all documents, with their documents' rows."""
    chunk = Chunk("sentences", 16)
    return [(n, passage) for n, text in enumerate(DOCUMENTS) for passage in cut_text(text, chunk, starts)]


def ranked(scores: Sequence[float], n: int = DEPTH) -> tuple[str, ...]:
    """Documents by their scores, ties by id descending, without those that score nothing."""
    order = sorted(((score, f"d{row}") for row, score in enumerate(scores) if score != 0), reverse=True)
    return tuple(doc_id for _, doc_id in order[:n])


def directly(model: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """What each variant finds for each query, computed with the libraries and no index."""
    import bm25s
    import Stemmer
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(str(model), device="cpu", local_files_only=True)
    owners, texts = zip(*passages(TOKENS), strict=True)
    vectors, whole, asked = (encoder.encode(list(part)) for part in (texts, DOCUMENTS, QUERIES))
    words = zip(*passages(word_starts), strict=True)
    word_owners, word_texts = (list(column) for column in words)
    stemmed = {"stopwords": "english", "stemmer": Stemmer.Stemmer("english"), "show_progress": False}
    lexical = bm25s.BM25(k1=0.9, b=0.4, method="lucene")
    lexical.index(bm25s.tokenize(word_texts, **stemmed), show_progress=False)
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for n, query in enumerate(QUERIES):
        terms = bm25s.tokenize([query], return_ids=False, **stemmed)[0]
        scores = {
            "bm25": best(lexical.get_scores(terms), word_owners),
            "dense": best(unit(vectors) @ unit(asked[n : n + 1])[0], owners),
            "dot": best(vectors @ asked[n], owners, top=2),
            "whole": (unit(whole) @ unit(asked[n : n + 1])[0]).tolist(),
        }
        found |= {(variant, f"q{n}"): ranked(values) for variant, values in scores.items()}
    return found


def unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def best(scores: Any, owners: Sequence[int], top: int = 1) -> list[float]:
    """The sum of each document's best passages."""
    of = [[float(s) for s, owner in zip(scores, owners, strict=True) if owner == row] for row in range(10)]
    return [sum(sorted(values, reverse=True)[:top]) for values in of]


def test_chunked_variants_find_what_a_direct_computation_finds(
    settings: Settings, write_dataset: WriteDataset, static_model: Path
) -> None:
    described = experiment(
        write_dataset("chunks", DOCUMENTS, QUERIES), variants(static_model), measures=[f"nDCG@{DEPTH}"]
    )
    progress = run_experiment(settings, described)
    assert (progress.status, progress.queries_done, progress.failed) == ("finished", 40, 0)
    # The static encoder's 10 queries, 10 documents and the passages that both chunked variants share.
    assert progress.texts_done == progress.texts_total == 20 + len(passages(TOKENS))
    assert found_in(stored_rows(settings)) == directly(static_model)


def found_in(rows: Sequence[Row]) -> dict[tuple[str, str], tuple[str, ...]]:
    """The first documents of each list."""
    return {(variant, query_id): doc_ids[:DEPTH] for variant, query_id, doc_ids, *_ in rows}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What looks like a saved transformer, with a tokenizer; hurtable workers encode with hashes instead."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    (folder / "tokenizer.json").write_bytes((bundled_folder() / "tokenizer.json").read_bytes())
    return folder


@pytest.fixture
def faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """Workers that start in this test can be hurt."""
    faults = Faults(tmp_path / "faults")
    for name, value in faults.environment.items():
        monkeypatch.setenv(name, value)
    return faults


def test_a_run_goes_on_after_passages_are_cut_and_before_the_rest_is_planned(
    tmp_path: Path, faults: Faults, write_dataset: WriteDataset, model: Path
) -> None:
    """The worker that plans is killed once; then the experiment is cancelled there, and resumed."""
    described = experiment(write_dataset("chunks", DOCUMENTS, QUERIES), variants(model))
    hurt, well = (
        Settings(home=tmp_path / name, workers=2, retry_intervals=(0,), redis_url=None) for name in "ab"
    )
    with instance(hurt) as workspace:
        with faults.hold("plan"):
            submitted = lifecycle.submit(workspace, described, allow_paths=True)
            victim = faults.wait_for("plan")[0]
            os.kill(victim.pid, signal.SIGKILL)
            faults.wait_for("plan", 3)  # its job again, and that of another variant: all passages are cut
            assert len(faults.calls("cut")) == 2  # in words and in tokens
            # Though nothing of them is planned yet, they count, beside 10 queries and 10 whole documents.
            assert progress_reader(workspace).read(submitted.id).texts_total == 20 + len(passages(TOKENS))
            lifecycle.cancel(workspace, lifecycle.find(workspace, submitted.id))
        lifecycle.resume(workspace, lifecycle.find(workspace, submitted.id))
        progress = follow(workspace, submitted)
        assert (progress.status, progress.queries_done, progress.failed) == ("finished", 40, 0)
    assert len(faults.calls("cut")) == 2  # never again
    assert set(faults.encoded().values()) == {1}
    run_experiment(well, described)
    assert stored_rows(hurt) == stored_rows(well)
