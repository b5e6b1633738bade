"""Late interaction: a vector for each token; a document's score sums each query token's best match (MaxSim).

Source: Khattab and Zaharia, "ColBERT", SIGIR 2020. As in dense search, documents are chosen in float32 and decided
in float64: whatever could be among the first `depth` is rescored, each document by products of its own, so that
its score depends on nothing but its own and the query's tokens.

A text may have no token vectors (the model masks them all). A document without any is not retrieved, a query without
any retrieves nothing; a passage without any scores 0 beside its document's other passages.

    indexes/<texts>/<encoder>-<role>-late.arrow    row, tokens (list of vectors); one batch a shard, memory-mapped
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Doubles, Floats, Ints, Ranking, ranking_from_rows, tie_order, top_rows
from evaluator.retrieval.encoders.encoded import Tokens
from evaluator.retrieval.search.dense import FLOAT32_ROUNDOFF
from evaluator.retrieval.search.grouping import Grouping
from evaluator.retrieval.texts.encoder_texts import TextSet
from evaluator.retrieval.vectors.encoding import gather


def late_name(spec: EncoderSpec, texts: TextSet) -> str:
    """The artifact of the texts' token vectors."""
    return f"indexes/{texts.part}/{spec.fingerprint}-{texts.role}-late.arrow"


def build_late(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> None:
    """Gather the texts' token vectors from their shards; in memory is one shard at a time.

    Raises:
        ArtifactMissingError: a shard is not there yet, or no plan holds a text.
    """

    def write(path: Path) -> None:
        write_late(
            (
                (rows, [tokens[place] for place in places.tolist()])
                for tokens, rows, places in gather(spec, texts, store)
            ),
            path,
        )

    store.put(late_name(spec, texts), write)


def write_late(blocks: Iterator[tuple[Ints, Tokens]], path: Path) -> None:
    """Write rows of texts and their token vectors, block after block."""
    writer = None
    with pa.OSFile(str(path), "wb") as sink:
        for rows, tokens in blocks:
            batch = _batch(rows, tokens)
            writer = writer or pa.ipc.new_file(sink, batch.schema)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()


def _batch(rows: Ints, tokens: Tokens) -> pa.RecordBatch:
    flat = np.concatenate(tokens).astype(np.float32, copy=False)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1])
    offsets = np.concatenate([[0], np.cumsum([len(vectors) for vectors in tokens])])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), vectors)
    return pa.record_batch([pa.array(rows, pa.int64()), lists], names=["row", "tokens"])


@dataclass(frozen=True)
class Block:
    """Some texts' token vectors.

    Attributes:
        rows: [n] int64, of the texts.
        starts: [n + 1] int64: where each text's vectors begin and end.
        vectors: [n_tokens, dim] float32, memory-mapped.
    """

    rows: Ints
    starts: Ints
    vectors: Floats


def read_late(path: Path) -> list[Block]:
    """The blocks of a file; their vectors are read when they are used."""
    with pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        batches = [file.get_batch(number) for number in range(file.num_record_batches)]
    return [_block(batch) for batch in batches]


def _block(batch: pa.RecordBatch) -> Block:
    rows, lists = batch.columns
    vectors = lists.values
    flat = vectors.values.to_numpy(zero_copy_only=True)
    return Block(
        rows.to_numpy(), lists.offsets.to_numpy(), flat.reshape(len(vectors), vectors.type.list_size)
    )


def open_late(spec: EncoderSpec, texts: TextSet, store: ArtifactStore) -> Tokens:
    """The token vectors of each text: n_texts arrays [n_tokens, dim] float32.

    Raises:
        ArtifactMissingError: they are not gathered yet.
    """
    blocks = read_late(store.local_path(late_name(spec, texts)))
    by_row = {
        row: block.vectors[start:stop]
        for block in blocks
        for row, start, stop in zip(
            block.rows.tolist(), block.starts[:-1].tolist(), block.starts[1:].tolist(), strict=True
        )
    }
    return [by_row[row] for row in range(len(by_row))]


class LateIndex:
    """Token vectors of documents, or of passages if `grouping` is given.

    Args:
        blocks: all texts' token vectors, in any order.
        doc_ids: n_documents ids.
        grouping: which passages are of which document.
    """

    def __init__(
        self, blocks: Sequence[Block], doc_ids: Sequence[str], grouping: Grouping | None = None
    ) -> None:
        self._blocks = blocks
        self._doc_ids = doc_ids
        self._grouping = grouping
        self._ties = tie_order(doc_ids)
        n_rows = sum(len(block.rows) for block in blocks)
        # Of each row: its block, and where its vectors begin and end there.
        self._places = np.zeros((n_rows, 3), dtype=np.int64)
        for number, block in enumerate(blocks):
            self._places[block.rows, 0] = number
            self._places[block.rows, 1] = block.starts[:-1]
            self._places[block.rows, 2] = block.starts[1:]
        has_vectors = self._places[:, 2] > self._places[:, 1]
        if grouping is not None:
            has_vectors = np.logical_or.reduceat(has_vectors, grouping.starts[:-1])
        self._retrievable = np.flatnonzero(has_vectors)
        self._longest: float | None = None

    def search(self, queries: Sequence[Floats], depth: int) -> list[Ranking]:
        """Ranked lists of queries: n_queries arrays [n_tokens, dim] float32."""
        return [self._search(np.ascontiguousarray(query), depth) for query in queries]

    def _search(self, query: Floats, depth: int) -> Ranking:
        if not len(query):
            return Ranking((), ())
        candidates = self._candidates(query, depth)
        scores = self._exact(query, candidates)
        best = top_rows(scores, self._ties[candidates], depth)
        return ranking_from_rows(best, scores, [self._doc_ids[row] for row in candidates.tolist()])

    def _candidates(self, query: Floats, depth: int) -> Ints:
        """Documents that could be among the first: all whose rough score is not out of reach of the depth-th."""
        if depth >= len(self._retrievable):
            return self._retrievable
        rough = self._rough(query)[self._retrievable]
        least = float(np.partition(rough, len(rough) - depth)[len(rough) - depth])
        reach = 2 * (self._error(query) + FLOAT32_ROUNDOFF * abs(least))
        return self._retrievable[rough >= least - reach]

    def _rough(self, query: Floats) -> Doubles:
        """Scores of all documents, by float32 products: [n_documents]."""
        scores = np.zeros(len(self._places), dtype=np.float64)
        for block in self._blocks:
            filled = block.starts[1:] > block.starts[:-1]
            if filled.any():
                best = np.maximum.reduceat(block.vectors @ query.T, block.starts[:-1][filled], axis=0)
                scores[block.rows[filled]] = best.sum(axis=1, dtype=np.float64)
        if self._grouping is None:
            return scores
        return self._grouping.scores(scores, np.arange(len(self._doc_ids)))

    def _error(self, query: Floats) -> float:
        """By how much a rough score may be off: a product's bound (Higham, 2002, eq. 3.5), once a query token."""
        if self._longest is None:
            lengths = [np.linalg.norm(block.vectors, axis=1).max(initial=0.0) for block in self._blocks]
            self._longest = float(max(lengths, default=0.0))
        lengths_of_query = np.linalg.norm(query.astype(np.float64), axis=1)
        error = (query.shape[1] + 1) * FLOAT32_ROUNDOFF * float(lengths_of_query.sum()) * self._longest
        return error if self._grouping is None else self._grouping.bound(error)

    def _exact(self, query: Floats, documents: Ints) -> Doubles:
        """Scores of some documents: [n] float64, the same whatever others are asked for."""
        exact_query = query.astype(np.float64).T
        if self._grouping is None:
            return self._exact_rows(exact_query, documents)
        rows = self._grouping.rows_of(documents)
        return self._grouping.scores(self._exact_rows(exact_query, rows), documents)

    def _exact_rows(self, exact_query: Doubles, rows: Ints) -> Doubles:
        scores = np.zeros(len(rows), dtype=np.float64)
        for place, (number, start, stop) in enumerate(self._places[rows].tolist()):
            if stop > start:
                vectors = self._blocks[number].vectors[start:stop].astype(np.float64)
                scores[place] = (vectors @ exact_query).max(axis=0).sum()
        return scores
