"""The results of encoders by kind, and their files.

    dense    .npy    [n_texts, dim] float32
    sparse   .npz    a CSR matrix [n_texts, n_terms]: data float32, indices, indptr, shape
    late     .npz    vectors [n_tokens, dim] float32, text after text, and lengths [n_texts] int64

Every result is checked before it is written, so nothing invalid is stored.
"""

# ruff: noqa: PLC0415  scipy takes a quarter of a second to import, and only some retrievers need it

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.domain.experiment import EncoderKind
from evaluator.domain.ranking import Floats
from evaluator.errors import EncodingError
from evaluator.retrieval.encoders.protocol import check_vectors

Terms = Any
"""Weights of terms: `scipy.sparse.csr_array` [n_texts, n_terms] float32, each row's terms ascending, without zeros."""

Tokens = list[Floats]
"""Vectors of tokens: n_texts arrays [n_tokens, dim] float32; a text may have none."""

Encoded = Any
"""An encoder's result: vectors [n_texts, dim] float32, `Terms` (kind `sparse`), or `Tokens` (kind `late`)."""


def suffix(kind: EncoderKind) -> str:
    """The suffix of files with the results of an encoder of this kind."""
    return ".npz" if kind in {"sparse", "late"} else ".npy"


def check_encoded(kind: EncoderKind, encoded: Encoded, texts: Sequence[str], encoder: str) -> None:
    """Check that an encoder returned a valid result for each text.

    Raises:
        EncodingError: it did not; names the encoder and, where possible, the first such text.
    """
    match kind:
        case "sparse":
            check_terms(encoded, texts, encoder)
        case "late":
            check_tokens(encoded, texts, encoder)
        case _:
            check_vectors(encoded, texts, encoder)


def check_terms(terms: Terms, texts: Sequence[str], encoder: str) -> None:
    """Check that there is one row of finite weights per text.

    Raises:
        EncodingError: there is not.
    """
    from scipy.sparse import issparse

    if not issparse(terms) or terms.ndim != 2 or terms.shape[0] != len(texts):
        raise EncodingError(f"{encoder} gave {getattr(terms, 'shape', terms)} for {len(texts)} texts")
    broken = np.flatnonzero(~np.isfinite(terms.data))
    if len(broken):
        row = int(np.searchsorted(terms.indptr, broken[0], side="right")) - 1
        raise EncodingError(f"{encoder} gave a weight that is not finite for the text {texts[row][:80]!r}")


def check_tokens(tokens: Tokens, texts: Sequence[str], encoder: str) -> None:
    """Check that there is one array of finite vectors per text, all of the same dimension.

    Raises:
        EncodingError: there is not.
    """
    if len(tokens) != len(texts):
        raise EncodingError(f"{encoder} gave token vectors of {len(tokens)} texts for {len(texts)}")
    for vectors, text in zip(tokens, texts, strict=True):
        if vectors.ndim != 2 or vectors.shape[1] != tokens[0].shape[-1]:
            raise EncodingError(f"{encoder} gave {vectors.shape} as token vectors of the text {text[:80]!r}")
        if not np.isfinite(vectors).all():
            raise EncodingError(f"{encoder} gave a token vector that is not finite for {text[:80]!r}")


def write_encoded(kind: EncoderKind, encoded: Encoded, path: Path) -> None:
    """Write an encoder's result into a file of its kind."""
    with path.open("wb") as file:
        match kind:
            case "sparse":
                arrays = {name: getattr(encoded, name) for name in ("data", "indices", "indptr")}
                np.savez(file, shape=np.array(encoded.shape, np.int64), **arrays)
            case "late":
                lengths = np.array([len(vectors) for vectors in encoded], dtype=np.int64)
                np.savez(file, vectors=np.concatenate(list(encoded)), lengths=lengths)
            case _:
                np.save(file, encoded)


def read_encoded(kind: EncoderKind, path: Path) -> Encoded:
    """Read a file that `write_encoded` wrote."""
    match kind:
        case "sparse":
            return read_terms(path)
        case "late":
            with np.load(path, allow_pickle=False) as arrays:
                return np.split(arrays["vectors"], np.cumsum(arrays["lengths"])[:-1])
    return np.load(path, allow_pickle=False)


def read_terms(path: Path) -> Terms:
    """The CSR matrix in a file."""
    from scipy.sparse import csr_array

    with np.load(path, allow_pickle=False) as arrays:
        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        return csr_array(parts, shape=tuple(arrays["shape"].tolist()))
