"""Small experiments for tests."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec, encoder_key
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant
from tests.unit.datasets.folders import write_decision_record

LEXICAL = Variant("bm25", Retrieve(bm25=BM25()))
SEMANTIC = Variant("dense", Retrieve(dense=Dense("hash")))
FUSED = Variant("fused", Retrieve(fuse=Fuse(of=(LEXICAL.retrieve, SEMANTIC.retrieve))))


def make_dataset(store: ArtifactStore, documents: Sequence[str], queries: Sequence[str]) -> StoredDataset:
    """A dataset whose query q0 has the relevant document d0, q1 has d1, and so on."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_decision_record(
            Path(folder) / "dataset",
            documents=[(f"d{n}", text) for n, text in enumerate(documents)],
            queries=[(f"q{n}", text) for n, text in enumerate(queries)],
            judgments=[(f"q{n}", f"d{n}", 1) for n in range(min(len(documents), len(queries)))],
        )
        return StoredDataset.open(store, import_dataset(path, store).fingerprint)


def make_spec(
    dataset: StoredDataset,
    variants: Sequence[Variant] = (LEXICAL,),
    encoder: EncoderSpec | None = None,
    **changes: Any,
) -> ExperimentSpec:
    """An experiment of some variants; all dense ones use the same encoder."""
    manifest = dataset.manifest
    spec = ExperimentSpec(
        name="toy",
        dataset=manifest.fingerprint,
        corpus=manifest.corpus,
        queries=manifest.queries,
        qrels=manifest.qrels,
        exclude_self=False,
        variants=tuple(variants),
        encoders={encoder_key(Dense("hash")): encoder} if encoder else {},
        measures=("nDCG@10",),
        depth=100,
    )
    return dataclasses.replace(spec, **changes)
