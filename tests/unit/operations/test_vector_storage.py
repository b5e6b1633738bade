"""Vectors at rest: whose they are, and which go first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.variant import Dense, Retrieve, Variant
from evaluator.errors import AmbiguousNameError
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.lifecycle import resolve_spec
from evaluator.library import catalog
from evaluator.operations.vector_storage import EncoderVectors, prune, vectors
from evaluator.store.status import change_status
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import begin
from tests.unit.retrieval.fake_encoder import hash_spec

OLD, NEW, UNKNOWN = (
    hash_spec(name="old", weights="a"),
    hash_spec(name="new", weights="b"),
    hash_spec(weights="c"),
)


def keep(workspace: Workspace, encoder: EncoderSpec, size: int) -> None:
    """Store `size` bytes for an encoder: three quarters as vectors, one as a matrix."""
    for name, part in (
        (f"vectors/{encoder.fingerprint}/document/p-000000.npy", 3 * size // 4),
        (f"indexes/corpus/{encoder.fingerprint}-document.npy", size // 4),
    ):
        workspace.store.put(name, lambda path, part=part: _fill(path, part))  # type: ignore[misc]


def _fill(path: Path, size: int) -> None:
    path.write_bytes(bytes(size))


def use(workspace: Workspace, encoder: EncoderSpec, status: str = "finished") -> None:
    """Record an experiment that uses an encoder."""
    row = catalog.find(workspace, "tiny")
    bm25 = parse_experiment("name: x\ndataset: tiny\nvariants: [{name: bm25, retrieve: {bm25: {}}}]")
    spec: ExperimentSpec = dataclasses.replace(
        resolve_spec(workspace, bm25, row, allow_paths=False),
        variants=(Variant("v", Retrieve(dense=Dense(encoder.name))),),
        encoders={f"{encoder.name}|float32": encoder},
    )
    begin(workspace.database, spec, "tiny", row.manifest.n_queries)
    if status == "finished":
        change_status(workspace.database, spec.id, "complete")


@pytest.fixture
def kept(library: Workspace, write_dataset: WriteDataset) -> Iterator[Workspace]:
    """Vectors of three encoders: one used first, one used last, one that no experiment names."""
    catalog.import_folder(library, write_dataset())
    keep(library, OLD, 400)
    keep(library, NEW, 800)
    keep(library, UNKNOWN, 100)
    use(library, OLD)
    use(library, NEW)
    yield library


def names(rows: list[EncoderVectors]) -> list[str]:
    return [row.name for row in rows]


def test_each_encoders_files_are_counted_together(kept: Workspace) -> None:
    rows = vectors(kept)
    assert [(row.name, row.bytes, row.files) for row in rows] == [
        ("new", 800, 2), ("old", 400, 2), (UNKNOWN.fingerprint, 100, 2),
    ]  # fmt: skip
    assert rows[-1].used_at is None


def test_those_used_longest_ago_go_first(kept: Workspace) -> None:
    assert names(prune(kept, limit=1250)) == [UNKNOWN.fingerprint]
    assert names(prune(kept, limit=1250)) == []
    assert names(prune(kept, limit=900)) == ["old"]
    assert names(vectors(kept)) == ["new"]
    assert kept.store.sizes("vectors").keys() == {f"vectors/{NEW.fingerprint}/document/p-000000.npy"}


def test_what_is_in_use_stays(kept: Workspace) -> None:
    use(kept, OLD, "running")
    assert names(prune(kept, limit=0)) == [UNKNOWN.fingerprint, "new"]
    assert [(row.name, row.in_use) for row in vectors(kept)] == [("old", True)]


def test_one_encoder_by_its_name(kept: Workspace) -> None:
    assert names(prune(kept, encoders=["new"])) == ["new"]
    assert names(prune(kept, encoders=["nobody"])) == []


def test_the_configured_limit_counts_by_default(kept: Workspace) -> None:
    assert prune(kept) == []  # 100 GB


def test_where_nothing_is_kept(library: Workspace) -> None:
    assert vectors(library) == []
    assert prune(library, limit=0) == []


def test_a_label_of_several_encoders_is_no_answer(kept: Workspace) -> None:
    """A fingerprint says which one; nothing is dropped before."""
    twin = hash_spec(name="new", weights="d")
    keep(kept, twin, 50)
    use(kept, twin)
    with pytest.raises(AmbiguousNameError, match="2 encoders are labelled 'new'") as told:
        prune(kept, encoders=["old", "new"])
    assert set(told.value.candidates) == {NEW.fingerprint, twin.fingerprint}
    assert len(vectors(kept)) == 4
    assert [row.fingerprint for row in prune(kept, encoders=[twin.fingerprint])] == [twin.fingerprint]
