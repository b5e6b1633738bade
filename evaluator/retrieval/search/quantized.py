"""Quantized vectors: a byte or a bit for each dimension, searched by faiss as they are.

`int8` scales each dimension between its smallest and largest value in the corpus to 256 steps; queries stay as they
are (faiss' QT_8bit). `binary` keeps the sign of each dimension, of documents and queries, and counts the signs that
agree (Hamming distance).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evaluator.domain.ranking import Doubles, Floats, Ints
from evaluator.retrieval.search.dense import FLOAT32_ROUNDOFF

Bytes = npt.NDArray[np.uint8]
STEPS = 255


class Int8Vectors:
    """Vectors of a byte a dimension, scored by inner product with full queries.

    Args:
        codes: [n, dim] uint8.
        low, step: [dim] float32: a code c stands for low + c * step.
    """

    def __init__(self, codes: Bytes, low: Floats, step: Floats) -> None:
        import faiss  # noqa: PLC0415

        self._codes, self._low, self._step = codes, low.astype(np.float64), step.astype(np.float64)
        dim = codes.shape[1]
        # faiss decodes c to vmin + vdiff * (c + 0.5) / 255: half a step is taken off its minimum.
        trained = np.concatenate([low - step / 2, step * STEPS]).astype(np.float32)
        self._index = faiss.IndexScalarQuantizer(
            dim, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
        faiss.copy_array_to_vector(trained, self._index.sq.trained)
        self._index.is_trained = True
        faiss.copy_array_to_vector(np.ascontiguousarray(codes).ravel(), self._index.codes)
        self._index.ntotal = len(codes)
        self._reach = np.maximum(np.abs(self._low), np.abs(self._low + STEPS * self._step))

    @staticmethod
    def quantize(matrix: Floats) -> tuple[Bytes, Floats, Floats]:
        """Codes [n, dim] uint8, low [dim] and step [dim] float32 of vectors [n, dim] float32."""
        low = matrix.min(axis=0) if len(matrix) else np.zeros(matrix.shape[1], np.float32)
        high = matrix.max(axis=0) if len(matrix) else low
        step = ((high - low) / STEPS).astype(np.float32)
        scaled = np.divide(matrix - low, step, out=np.zeros_like(matrix), where=step > 0)
        return np.clip(np.rint(scaled), 0, STEPS).astype(np.uint8), low.astype(np.float32), step

    def __len__(self) -> int:
        return len(self._codes)

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Ints]:
        """See `Vectors.nearest`."""
        scores, rows = self._index.search(np.ascontiguousarray(queries), k)
        return scores, rows

    def error(self, query: Floats) -> float:
        """See `Vectors.error`: decoding rounds each value twice more than the product."""
        terms = float((np.abs(query.astype(np.float64)) * (self._reach + STEPS * self._step)).sum())
        return (len(query) + 8) * FLOAT32_ROUNDOFF * terms

    def exact(self, query: Floats, rows: Ints) -> Doubles:
        """See `Vectors.exact`."""
        exact_query = query.astype(np.float64)
        scores: Doubles = (self._codes[rows] * (exact_query * self._step)).sum(axis=1)
        scores += (exact_query * self._low).sum()
        return scores


class BinaryVectors:
    """Vectors of a bit a dimension: the score is the number of dimensions whose sign agrees.

    Args:
        bits: [n, ceil(dim / 8)] uint8, as `numpy.packbits` gives them.
        dimensions: of a vector.
    """

    def __init__(self, bits: Bytes, dimensions: int) -> None:
        import faiss  # noqa: PLC0415

        self._bits, self._dimensions = np.ascontiguousarray(bits), dimensions
        self._index = faiss.IndexBinaryFlat(bits.shape[1] * 8)
        self._index.add(self._bits)

    @staticmethod
    def quantize(matrix: Floats) -> Bytes:
        """Bits [n, ceil(dim / 8)] uint8 of vectors [n, dim]."""
        return np.packbits(matrix > 0, axis=1)

    def __len__(self) -> int:
        return len(self._bits)

    def nearest(self, queries: Floats, k: int) -> tuple[Floats, Ints]:
        """See `Vectors.nearest`."""
        distances, rows = self._index.search(self.quantize(queries), k)
        return (self._dimensions - distances).astype(np.float32), rows.astype(np.int64)

    def error(self, query: Floats) -> float:
        """See `Vectors.error`: whole numbers are exact."""
        return 0.0

    def exact(self, query: Floats, rows: Ints) -> Doubles:
        """See `Vectors.exact`."""
        different = np.bitwise_xor(self._bits[rows], self.quantize(query[np.newaxis])[0])
        agreeing: Doubles = (self._dimensions - np.bitwise_count(different).sum(axis=1)).astype(np.float64)
        return agreeing
