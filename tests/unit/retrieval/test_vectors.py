"""Each text is encoded once per encoder and role, in batches that depend on nothing but dataset and encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Floats
from evaluator.errors import ArtifactMissingError, EncodingError, InvalidInputError
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.texts.encoder_texts import TextSet, document_texts, query_texts
from evaluator.retrieval.vectors import encoding as vectors
from evaluator.retrieval.vectors.encoding import (
    EncodingPlan,
    Form,
    Shard,
    build_matrix,
    encode_shard,
    encoded_shards,
    matrix_name,
    open_matrix,
    plan_encoding,
    shard_sizes,
    vector_folder,
)
from tests.unit.datasets.folders import write_decision_record
from tests.unit.retrieval.conftest import MakeDataset
from tests.unit.retrieval.fake_encoder import DIMENSIONS, HashEncoder, hash_spec, hash_vector

SPEC = hash_spec()
ROLES: tuple[Role, ...] = ("document", "query")


def texts(dataset: StoredDataset, role: Role) -> TextSet:
    return query_texts(dataset) if role == "query" else document_texts(dataset)


@pytest.fixture
def encoder() -> HashEncoder:
    return HashEncoder()


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two texts."""
    monkeypatch.setitem(vectors.SHARD_TEXTS, "transformer", 2)


def unit(vectors: list[Floats]) -> Floats:
    """Rows of length 1, as a matrix has them."""
    return Form().apply(np.stack(vectors))


def encode_missing(
    dataset: StoredDataset, encoder: HashEncoder, spec: EncoderSpec = SPEC, roles: tuple[Role, ...] = ROLES
) -> int:
    """Plan, and encode what is missing; returns how many texts."""
    count = 0
    for role in roles:
        plan = plan_encoding(spec, texts(dataset, role), dataset.store)
        count += plan.to_encode
        for shard in plan.missing:
            encode_shard(spec, role, shard, encoder, dataset.store)
    return count


def matrix(dataset: StoredDataset, role: Role, spec: EncoderSpec = SPEC) -> Floats:
    build_matrix(spec, texts(dataset, role), dataset.store)
    found: Floats = np.load(
        dataset.store.local_path(matrix_name(spec, texts(dataset, role))), allow_pickle=False
    )
    return found


def plan(dataset: StoredDataset, role: Role = "document", spec: EncoderSpec = SPEC) -> EncodingPlan:
    return plan_encoding(spec, texts(dataset, role), dataset.store)


def test_a_text_that_occurs_twice_is_encoded_once(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    dataset = make_dataset(["same", "other", "same"])
    assert plan(dataset).texts == 2
    assert encode_missing(dataset, encoder) == 3  # two documents and a query
    assert sorted(encoder.texts) == [("document", "other"), ("document", "same"), ("query", "a query")]


def test_nothing_is_encoded_again(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    dataset = make_dataset(["one", "two"])
    encode_missing(dataset, encoder)
    assert encode_missing(dataset, encoder) == 0
    assert plan(dataset) == EncodingPlan(missing=(), texts=2, to_encode=0)


def test_an_edited_document_is_one_new_text(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    encode_missing(make_dataset(["one", "two", "three"]), encoder)
    edited = make_dataset(["one", "two, edited", "three"])
    assert encode_missing(edited, encoder) == 1
    assert encoder.batches[-1] == ("document", ("two, edited",))
    assert np.array_equal(
        matrix(edited, "document"),
        unit([hash_vector(t, "document") for t in ("one", "two, edited", "three")]),
    )


def test_datasets_share_their_texts(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    encode_missing(make_dataset(["a", "b"]), encoder)
    assert encode_missing(make_dataset(["c", "b", "a"], queries=["a query", "another"]), encoder) == 2
    assert len(encoder.texts) == len(set(encoder.texts)) == 5


def test_a_document_is_no_query(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    dataset = make_dataset(["the same text"], queries=["the same text"])
    encode_missing(dataset, encoder)
    assert encoder.texts == [("document", "the same text"), ("query", "the same text")]
    assert not np.array_equal(matrix(dataset, "document"), matrix(dataset, "query"))


def test_an_encoder_of_another_fingerprint_has_vectors_of_its_own(
    make_dataset: MakeDataset, encoder: HashEncoder
) -> None:
    dataset = make_dataset(["one"])
    encode_missing(dataset, encoder)
    assert encode_missing(dataset, encoder, hash_spec(precision="bfloat16")) == 2
    assert encode_missing(dataset, encoder, hash_spec(name="alias", location="/elsewhere")) == 0


@pytest.mark.parametrize(("kind", "sizes"), [("transformer", [64, 64, 2]), ("static", [130])])
def test_shards_are_as_large_as_the_kind_of_encoder_says(
    make_dataset: MakeDataset, kind: str, sizes: list[int]
) -> None:
    dataset, spec = make_dataset([f"text {n}" for n in range(130)]), hash_spec(kind=kind)
    planned = plan(dataset, spec=spec)
    assert [shard.number for shard in planned.missing] == list(range(len(sizes)))
    assert list(shard_sizes(spec, texts(dataset, "document"), dataset.store).values()) == sizes
    assert planned.to_encode == 130


def planned_texts(dataset: StoredDataset, shard: Shard) -> list[list[str]]:
    """A plan's texts by shard."""
    path = dataset.store.local_path(f"{vector_folder(SPEC, 'document')}/{shard.plan}.parquet")
    with pq.ParquetFile(path) as file:
        return [file.read_row_group(n)["text"].to_pylist() for n in range(file.metadata.num_row_groups)]


def test_texts_of_one_length_share_a_batch(make_dataset: MakeDataset, small_shards: None) -> None:
    dataset = make_dataset(["x", "three", "of", "medium"])
    assert planned_texts(dataset, plan(dataset).missing[0]) == [["medium", "three"], ["of", "x"]]


def test_only_texts_of_one_window_are_sorted_together(
    make_dataset: MakeDataset, small_shards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "SORT_WINDOW", 3)
    dataset = make_dataset(["1", "22", "333", "4444", "55555"])
    assert planned_texts(dataset, plan(dataset).missing[0]) == [["333", "22"], ["1"], ["55555", "4444"]]


def test_a_plan_is_written_once(make_dataset: MakeDataset, store: ArtifactStore) -> None:
    dataset = make_dataset(["one", "two"])
    first = plan(dataset)
    folder = store.local_path(f"{vector_folder(SPEC, 'document')}/{first.missing[0].plan}.parquet").parent
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert plan(dataset) == first
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_an_interrupted_encoding_goes_on_with_the_same_batches(
    make_dataset: MakeDataset, small_shards: None, tmp_path: Path
) -> None:
    documents = [f"document {'x' * n}" for n in range(9)]
    at_once, in_two = HashEncoder(), HashEncoder()
    dataset = make_dataset(documents)
    for shard in plan(dataset).missing[2:0:-1]:  # interrupted after two shards, in any order
        encode_shard(SPEC, "document", shard, in_two, dataset.store)
    missing = plan(dataset).missing
    assert [shard.number for shard in missing] == [0, 3, 4]
    for shard in missing:
        encode_shard(SPEC, "document", shard, in_two, dataset.store)

    other = ArtifactStore(str(tmp_path / "other"))
    folder = write_decision_record(
        tmp_path / "folder",
        documents=[(f"d{n}", text) for n, text in enumerate(documents)],
        judgments=[("q1", "d0", 1)],
    )
    encode_missing(StoredDataset.open(other, import_dataset(folder, other).fingerprint), at_once)
    assert sorted(in_two.batches) == sorted(batch for batch in at_once.batches if batch[0] == "document")
    assert files(other) == files(dataset.store)


def files(store: ArtifactStore) -> dict[str, bytes]:
    """The vectors of documents, by the file's name."""
    folder = Path(store.url) / vector_folder(SPEC, "document")
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


def test_what_another_worker_encoded_meanwhile_stays(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    dataset = make_dataset(["one", "two"])
    shard = plan(dataset).missing[0]
    encode_shard(SPEC, "document", shard, encoder, dataset.store)
    before = files(dataset.store)

    class Other(HashEncoder):
        def encode(self, texts: object, role: Role) -> Floats:
            return np.ones((2, DIMENSIONS), dtype=np.float32)

    encode_shard(SPEC, "document", shard, Other(), dataset.store)
    assert files(dataset.store) == before


def test_progress_is_what_is_stored(
    make_dataset: MakeDataset, encoder: HashEncoder, small_shards: None
) -> None:
    dataset = make_dataset(["one", "two", "three"])
    shards = plan(dataset).missing
    sizes = shard_sizes(SPEC, texts(dataset, "document"), dataset.store)
    assert sizes == {shards[0]: 2, shards[1]: 1}
    assert encoded_shards(SPEC, "document", sizes, dataset.store) == set()
    encode_shard(SPEC, "document", shards[1], encoder, dataset.store)
    assert encoded_shards(SPEC, "document", sizes, dataset.store) == {shards[1]}


def test_the_matrix_has_the_rows_of_the_dataset(
    make_dataset: MakeDataset, encoder: HashEncoder, small_shards: None
) -> None:
    documents = ["a longer text", "b", "a longer text", "ccc", "dd", "b"]
    dataset = make_dataset(documents, queries=["second", "first", "the third"])
    encode_missing(dataset, encoder)
    assert np.array_equal(
        matrix(dataset, "document"), unit([hash_vector(text, "document") for text in documents])
    )
    assert np.array_equal(
        matrix(dataset, "query"),
        unit([hash_vector(text, "query") for text in ("second", "first", "the third")]),
    )


def test_a_matrix_gathers_from_many_plans(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    for last in range(1, 6):
        dataset = make_dataset([f"text {n}" for n in range(last)])
        assert encode_missing(dataset, encoder, roles=("document",)) == 1
    assert len(files(dataset.store)) == 5
    reversed_ = make_dataset([f"text {n}" for n in (4, 0, 3)])
    assert encode_missing(reversed_, encoder, roles=("document",)) == 0
    assert np.array_equal(
        matrix(reversed_, "document"), unit([hash_vector(f"text {n}", "document") for n in (4, 0, 3)])
    )


def test_a_matrix_needs_all_shards(
    make_dataset: MakeDataset, encoder: HashEncoder, small_shards: None
) -> None:
    dataset = make_dataset(["one", "two", "three"])
    shards = plan(dataset).missing
    encode_shard(SPEC, "document", shards[0], encoder, dataset.store)
    with pytest.raises(ArtifactMissingError, match=shards[1].file("transformer")):
        matrix(dataset, "document")
    assert not dataset.store.exists(matrix_name(SPEC, texts(dataset, "document")))


@pytest.mark.parametrize("kept", [1, 0])
def test_a_matrix_needs_all_plans(make_dataset: MakeDataset, encoder: HashEncoder, kept: int) -> None:
    """Rows without a vector would be zeros, and nobody would know."""
    encode_missing(make_dataset(["one"]), encoder)
    dataset = make_dataset(["one", "two"])
    encode_missing(dataset, encoder)
    plans = sorted(Path(dataset.store.url).glob(f"{vector_folder(SPEC, 'document')}/*.parquet"))
    for path in plans[kept:]:
        path.unlink()
    with pytest.raises(ArtifactMissingError, match=f"no plan .* holds {2 - kept} of the dataset's texts"):
        matrix(dataset, "document")
    assert not dataset.store.exists(matrix_name(SPEC, texts(dataset, "document")))


def with_nan(texts: int) -> Floats:
    broken = np.ones((texts, DIMENSIONS), dtype=np.float32)
    broken[1, 3] = np.nan
    return broken


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (with_nan, "hash gave a vector that is not finite for the text 'two'"),
        (lambda n: with_nan(n) * np.inf, "not finite for the text 'three'"),
        (lambda n: with_nan(n)[:1], r"hash gave \(1, 8\) for 2 texts"),
        (lambda n: with_nan(n)[0], r"hash gave \(8,\) for 2 texts"),
    ],
)
def test_what_is_no_vector_is_not_stored(
    make_dataset: MakeDataset, give: Callable[[int], Floats], message: str
) -> None:
    class Broken(HashEncoder):
        def encode(self, texts: object, role: Role) -> Floats:
            return give(2)

    dataset = make_dataset(["three", "two"])  # in a plan the longest text is first
    with pytest.raises(EncodingError, match=message):
        encode_shard(SPEC, "document", plan(dataset).missing[0], Broken(), dataset.store)
    assert files(dataset.store) == {}


def test_a_matrix_takes_the_form_that_a_search_needs(make_dataset: MakeDataset, encoder: HashEncoder) -> None:
    """One encoding serves all forms: raw, of length 1, and cut to the first dimensions."""
    dataset = make_dataset(["one", "two"])
    encode_missing(dataset, encoder)
    raw = np.stack([hash_vector(text, "document") for text in ("one", "two")])
    documents = document_texts(dataset)
    for form, expected in {
        Form(unit=False): raw,
        Form(2, unit=False): raw[:, :2],
        Form(2): raw[:, :2] / np.linalg.norm(raw[:, :2], axis=1, keepdims=True),
    }.items():
        build_matrix(SPEC, documents, dataset.store, form)
        assert np.array_equal(open_matrix(SPEC, documents, dataset.store, form), expected)
    assert len(encoder.batches) == 2  # documents once, queries once


def test_a_zero_vector_stays_zero() -> None:
    vectors = np.array([[3, 4], [0, 0]], dtype=np.float32)
    assert Form().apply(vectors).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]


def test_more_dimensions_than_there_are_cannot_be_kept(
    make_dataset: MakeDataset, encoder: HashEncoder
) -> None:
    dataset = make_dataset(["one"])
    encode_missing(dataset, encoder)
    with pytest.raises(InvalidInputError, match="gives vectors of 8 dimensions, so 9"):
        build_matrix(SPEC, document_texts(dataset), dataset.store, Form(9))
