"""Vectors: each text is encoded once per encoder and role, ever.

A plan is the work order for the texts of a dataset that no earlier plan has: the texts themselves, cut into
shards. It is written once and never changes, so which texts share an encoding batch depends on the dataset and
the encoder alone, not on who computes or on what was interrupted. A shard's vectors are one file, whole or absent.

    vectors/<encoder>/<role>/<plan>.parquet          key, text; one row group a shard
    vectors/<encoder>/<role>/<plan>-<shard>.npy      [n_texts_of_shard, dim] float32; other kinds: encoded.py
    vectors/<encoder>/<role>/<plan>-<shard>.json     what encoding the shard took: seconds, tokens, estimated
    vectors/<encoder>/dimensions.json                of an endpoint's vectors, by the first that came
    indexes/<texts>/<encoder>-<role>[-<form>].npy    [n_texts, dim] float32, in the order of the texts

Shards hold vectors as the encoder gave them; a matrix holds them in the form that a search needs.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderKind, EncoderSpec
from evaluator.domain.ranking import Floats, Ints
from evaluator.errors import ArtifactLostError, ArtifactMissingError, EncodingError, InvalidInputError
from evaluator.retrieval.encoders.encoded import Encoded, check_encoded, read_encoded, suffix, write_encoded
from evaluator.retrieval.encoders.protocol import Encoder, Role
from evaluator.retrieval.endpoints.usage import usage_of
from evaluator.retrieval.texts.encoder_texts import KEY, TextSet

SHARD_TEXTS: dict[EncoderKind, int] = {
    "transformer": 64,
    "static": 4096,
    "endpoint": 256,
    "sparse": 64,
    "late": 64,
}
"""Texts of one encoding job: seconds of work for a transformer on a core, less for a static encoder."""

SORT_WINDOW = 16_384
"""Texts that are sorted by length together, so that a batch pads little, in bounded memory."""

PLAN_SCHEMA = pa.schema([("key", KEY), ("text", pa.string())])


@dataclass(frozen=True, order=True)
class Shard:
    """One encoding job's texts: a row group of a plan."""

    plan: str
    number: int

    def file(self, kind: EncoderKind) -> str:
        """The file of its results within the folder of the encoder and role."""
        return f"{self.plan}-{self.number:06d}{suffix(kind)}"

    @property
    def cost_file(self) -> str:
        """The file that says what encoding the shard took."""
        return f"{self.plan}-{self.number:06d}.json"


@dataclass(frozen=True)
class EncodingPlan:
    """The shards that a dataset still needs under an encoder.

    Attributes:
        missing: shards without vectors, in the order to encode them.
        texts: distinct texts of the dataset in this role.
        to_encode: texts in missing shards.
    """

    missing: tuple[Shard, ...]
    texts: int
    to_encode: int


def vector_folder(spec: EncoderSpec, role: Role) -> str:
    """Where an encoder's vectors for a role are."""
    return f"vectors/{spec.fingerprint}/{role}"


@dataclass(frozen=True)
class Form:
    """The form of a matrix's vectors: how many of their dimensions, and whether they are scaled to length 1."""

    dimensions: int | None = None
    unit: bool = True

    @property
    def suffix(self) -> str:
        """Its part of a matrix's name; the usual form leaves none."""
        return (f"-{self.dimensions}" if self.dimensions else "") + ("" if self.unit else "-raw")

    def apply(self, vectors: Floats) -> Floats:
        """Vectors in this form: [n, dim] float32. A zero vector (an empty text) stays zero."""
        shortened = vectors[:, : self.dimensions]
        if not self.unit:
            return shortened
        lengths = np.linalg.norm(shortened, axis=1, keepdims=True)
        unit: Floats = np.divide(shortened, lengths, out=np.zeros_like(shortened), where=lengths > 0)
        return unit


def matrix_name(spec: EncoderSpec, texts: TextSet, form: Form = Form()) -> str:
    """The artifact with one vector for each text, in their order."""
    return f"indexes/{texts.part}/{spec.fingerprint}-{texts.role}{form.suffix}.npy"


def plan_encoding(
    spec: EncoderSpec, texts: TextSet, store: ArtifactStore, on_texts: Callable[[int], None] = lambda _n: None
) -> EncodingPlan:
    """Find the shards that hold some texts, and write a plan for texts that no plan has yet.

    One process plans at a time (`evaluator.jobs.planning.turn`); two that plan the same thing write the same file.

    Args:
        on_texts: called now and then with how many texts more are planned; what it raises ends the planning.
    """
    needed = pc.unique(texts.keys())
    plans = read_plans(spec, texts.role, store)
    planned = pa.concat_arrays([keys for keys, _ in plans.values()]) if plans else pa.array([], KEY)
    unknown = needed.filter(pc.invert(pc.is_in(needed, value_set=planned)))
    if len(unknown):
        _write_plan(spec, texts, unknown, store, on_texts)
    sizes = shard_sizes(spec, texts, store)
    missing = sorted(set(sizes) - encoded_shards(spec, texts.role, sizes, store))
    return EncodingPlan(tuple(missing), len(needed), sum(sizes[shard] for shard in missing))


def shard_sizes(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> dict[Shard, int]:
    """The planned shards that these texts need, and how many texts each holds. Reads; plans nothing."""
    needed = texts.keys()
    sizes: dict[Shard, int] = {}
    for name, (keys, shard_numbers) in read_plans(spec, texts.role, store).items():
        numbers = shard_numbers[pc.is_in(keys, value_set=needed).to_numpy(zero_copy_only=False)]
        counts = np.bincount(shard_numbers)
        sizes |= {Shard(name, number): int(counts[number]) for number in np.unique(numbers).tolist()}
    return sizes


def plan_names(spec: EncoderSpec, role: Role, store: ArtifactStore) -> tuple[str, ...]:
    """The plans that an encoder has for a role."""
    names = store.names(vector_folder(spec, role))
    return tuple(sorted(name.removesuffix(".parquet") for name in names if name.endswith(".parquet")))


def encoded_shards(
    spec: EncoderSpec, role: Role, shards: Iterable[Shard], store: ArtifactStore
) -> set[Shard]:
    """Which of these shards have their vectors."""
    files = store.names(vector_folder(spec, role))
    return {shard for shard in shards if shard.file(spec.kind) in files}


def encode_shard(spec: EncoderSpec, role: Role, shard: Shard, encoder: Encoder, store: ArtifactStore) -> None:
    """Encode a shard's texts and store what the encoder gives.

    Raises:
        EncodingError: it gave something that is not what its kind should give; nothing is stored.
    """
    plan = pq.ParquetFile(store.local_path(f"{vector_folder(spec, role)}/{shard.plan}.parquet"))
    texts = plan.read_row_group(shard.number, columns=["text"]).column("text").to_pylist()
    started = time.perf_counter()
    encoded = encoder.encode(texts, role)
    seconds = time.perf_counter() - started
    check_encoded(spec.kind, encoded, texts, spec.name)
    if spec.kind == "endpoint":
        _check_dimensions(spec, encoded, store)
    usage = usage_of(encoder, texts)
    # Written first, so that vectors never lack their costs.
    store.put_json(
        f"{vector_folder(spec, role)}/{shard.cost_file}",
        {"seconds": seconds, "tokens": usage.tokens, "estimated": usage.estimated},
    )
    store.put(
        f"{vector_folder(spec, role)}/{shard.file(spec.kind)}",
        lambda path: write_encoded(spec.kind, encoded, path),
    )


def _check_dimensions(spec: EncoderSpec, vectors: Floats, store: ArtifactStore) -> None:
    """Check that an endpoint's vectors have as many dimensions as its first: nothing else shows that its model changed.

    Raises:
        EncodingError: they have not.
    """
    name = f"vectors/{spec.fingerprint}/dimensions.json"
    store.put_json(name, vectors.shape[1])
    dimensions = store.read_json(name)
    if vectors.shape[1] != dimensions:
        raise EncodingError(
            f"{spec.name} gives vectors of {vectors.shape[1]} dimensions, and gave {dimensions} before: is another "
            "model behind it now? To start again, give the endpoint its dimensions"
        )


def gather(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> Iterator[tuple[Encoded, Ints, Ints]]:
    """The shards that hold some texts, each read once.

    Yields:
        what the encoder gave for a shard; rows of the texts that are in it: [n] int64; their places in it: [n] int64.

    Raises:
        ArtifactMissingError: a shard is not there yet.
        ArtifactLostError: at the end: shards were damaged, and are removed, or no plan holds a text (any more).
    """
    folder = vector_folder(spec, texts.role)
    keys = texts.keys()
    in_a_plan = np.zeros(len(keys), dtype=bool)
    damaged: ArtifactLostError | None = None
    for name, (plan_keys, shard_numbers) in read_plans(spec, texts.role, store).items():
        places = pc.index_in(keys, value_set=plan_keys)
        here = places.is_valid().to_numpy(zero_copy_only=False) & ~in_a_plan
        rows = np.flatnonzero(here)
        in_a_plan |= here
        places_of_rows = places.filter(pa.array(here)).to_numpy()
        starts = np.searchsorted(shard_numbers, np.arange(shard_numbers[-1] + 1))
        shards_of_rows = shard_numbers[places_of_rows]
        for number in np.unique(shards_of_rows).tolist():
            try:
                path = store.local_path(f"{folder}/{Shard(name, number).file(spec.kind)}")
            except ArtifactLostError as error:
                damaged = error
                continue  # find all that are damaged, so that all are encoded again at once
            chosen = shards_of_rows == number
            yield read_encoded(spec.kind, path), rows[chosen], places_of_rows[chosen] - starts[number]
    if damaged is not None:
        raise damaged
    if not in_a_plan.all():
        raise ArtifactLostError(
            f"no plan in {folder} holds {np.count_nonzero(~in_a_plan)} of the dataset's texts; "
            "run the experiment again"
        )


def build_matrix(
    spec: EncoderSpec,
    texts: TextSet,
    store: ArtifactStore,
    form: Form = Form(),
) -> None:
    """Gather the texts' vectors from their shards into one matrix, in the order of the texts.

    Raises:
        ArtifactMissingError: a shard is not there yet, or no plan holds a text.
        InvalidInputError: more dimensions are asked for than the vectors have.
    """

    def write(path: Path) -> None:
        matrix: Floats | None = None
        for vectors, rows, places in gather(spec, texts, store):
            if form.dimensions and form.dimensions > vectors.shape[1]:
                raise InvalidInputError(
                    f"{spec.name} gives vectors of {vectors.shape[1]} dimensions, so {form.dimensions} of them "
                    "cannot be kept; ask for fewer"
                )
            formed = form.apply(vectors)
            if matrix is None:
                shape = (texts.read_size(), formed.shape[1])
                matrix = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
                reserve(path)
            matrix[rows] = formed[places]
        if matrix is not None:
            matrix.flush()  # type: ignore[attr-defined]

    store.put(matrix_name(spec, texts, form), write)


def open_matrix(
    spec: EncoderSpec,
    texts: TextSet,
    store: ArtifactStore,
    form: Form = Form(),
) -> Floats:
    """The texts' vectors, memory-mapped: [n_texts, dim] float32.

    Raises:
        ArtifactMissingError: the matrix is not built yet.
    """
    path = store.local_path(matrix_name(spec, texts, form))
    matrix: Floats = np.load(path, mmap_mode="r", allow_pickle=False)
    return matrix


def reserve(path: Path) -> None:
    """Reserve a file's bytes on the disk before they are written through memory.

    The file that is mapped is full of holes: on a full disk, writing into one kills the process (SIGBUS).

    Raises:
        OSError: the disk is full.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def read_plans(
    spec: EncoderSpec, role: Role, store: ArtifactStore
) -> dict[str, tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    """The plans of an encoder in a role: keys [n_texts] in order, and the shard number of each [n_texts] int64.

    One that is damaged is removed and left out: its texts count as not planned, and are encoded again.
    """
    plans = {}
    for name in plan_names(spec, role, store):
        with suppress(ArtifactMissingError):
            plans[name] = _read_plan(spec, role, name, store)
    return plans


def _read_plan(
    spec: EncoderSpec, role: Role, name: str, store: ArtifactStore
) -> tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """A plan's keys [n_texts] in order, and the shard number of each [n_texts] int64."""
    file = pq.ParquetFile(store.local_path(f"{vector_folder(spec, role)}/{name}.parquet"))
    keys = file.read(columns=["key"]).column("key").combine_chunks()
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    return keys, np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)


def _write_plan(
    spec: EncoderSpec,
    texts: TextSet,
    unknown: pa.Array,
    store: ArtifactStore,
    on_texts: Callable[[int], None],
) -> None:
    name = hashlib.sha256(b"".join(sorted(unknown.to_pylist()))).hexdigest()[:16]
    used_names = {file.partition("-")[0] for file in store.names(vector_folder(spec, texts.role))}
    while (
        name in used_names
    ):  # by shards whose plan was damaged: what they hold, and in which order, nothing tells
        name = hashlib.sha256(name.encode()).hexdigest()[:16]
    shard_texts = SHARD_TEXTS[spec.kind]

    def write(path: Path) -> None:
        with pq.ParquetWriter(path, PLAN_SCHEMA, compression="zstd") as writer:
            keyed = zip(texts.read_keys(), texts.read_texts(), strict=True)
            for window in _windows(keyed, set(unknown.to_pylist())):
                for start in range(0, len(window), shard_texts):
                    part = window[start : start + shard_texts]
                    columns = [
                        pa.array([k for k, _ in part], KEY),
                        pa.array([t for _, t in part], pa.string()),
                    ]
                    writer.write_table(
                        pa.Table.from_arrays(columns, schema=PLAN_SCHEMA), row_group_size=shard_texts
                    )
                on_texts(len(window))

    store.put(f"{vector_folder(spec, texts.role)}/{name}.parquet", write)


def _windows(texts: Iterable[tuple[bytes, str]], wanted: set[bytes]) -> Iterator[list[tuple[bytes, str]]]:
    """The texts to encode, each once, in windows sorted by length, longest first (ties by key)."""

    def distinct() -> Iterator[tuple[bytes, str]]:
        for key, text in texts:
            if key in wanted:
                wanted.discard(key)
                yield key, text

    remaining = distinct()
    while window := list(islice(remaining, SORT_WINDOW)):
        yield sorted(window, key=lambda item: (-len(item[1]), item[0]))
