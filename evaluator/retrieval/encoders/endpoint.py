"""Encoders behind an OpenAI-compatible HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.ranking import Doubles, Floats
from evaluator.errors import EncodingError
from evaluator.retrieval.encoders.protocol import Role, check_vectors
from evaluator.retrieval.endpoints.client import EndpointClient, Gate
from evaluator.retrieval.endpoints.usage import Usage

__all__ = ["EndpointEncoder", "Gate"]

NO_TEXT = " "
"""Sent for a text without visible characters: many servers refuse an empty one."""


class EndpointEncoder:
    """Requests `/embeddings`. This software adds the prompt; the server cuts texts that are too long."""

    def __init__(self, spec: EncoderSpec, gate: Gate) -> None:
        if spec.endpoint is None:
            raise ValueError(f"the encoder {spec.name!r} has no endpoint")
        self._spec, self._endpoint = spec, spec.endpoint
        self._client = EndpointClient(spec.endpoint, gate)
        self.usage = Usage()
        """The usage of the last call."""

    def encode(self, texts: Sequence[str], role: Role) -> Floats:
        """Encode texts; see `Encoder.encode`.

        Raises:
            EncodingError: the endpoint does not answer with one finite vector per text.
            EncoderNotFoundError, InvalidInputError: it refuses the request; trying again does not help.
            BudgetReachedError: the experiment's budget is spent.
        """
        self.usage = Usage()
        prompt = self._spec.query_prompt if role == "query" else self._spec.document_prompt
        prompted = [prompt + text for text in texts]
        size = self._endpoint.batch_size
        parts = [self._request(prompted[start : start + size]) for start in range(0, len(prompted), size)]
        widths = {part.shape[1] for part in parts}
        if len(widths) > 1:
            raise EncodingError(
                f"{self._client.name} gives vectors of different dimensions: {sorted(widths)}"
            )
        return np.concatenate(parts) if parts else np.empty((0, self._spec.dimensions or 0), np.float32)

    def _request(self, texts: Sequence[str]) -> Floats:
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "input": [text if text.strip() else NO_TEXT for text in texts],
            "encoding_format": "float",
        }
        if self._spec.dimensions is not None:
            body["dimensions"] = self._spec.dimensions
        answer = self._client.post("embeddings", body, sum(map(len, texts)))
        self.usage += answer.usage
        vectors = self._vectors(answer.record, len(texts))
        check_vectors(vectors, texts, self._client.name)
        return vectors

    def _vectors(self, record: Mapping[str, Any], n_texts: int) -> Floats:
        """The answer's vectors in the order of the texts: [n_texts, dim] float32."""
        results = record.get("data")
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise EncodingError(f"{self._client.name} gives no list of results: {_shown(record)}")
        if len(results) != n_texts:
            raise EncodingError(f"{self._client.name} gives {len(results)} results for {n_texts} texts")
        # A result without an index belongs to its own position: some servers leave out an index of 0.
        places = [place if r.get("index") is None else r["index"] for place, r in enumerate(results)]
        if any(type(place) is not int for place in places) or sorted(places) != list(range(n_texts)):
            raise EncodingError(
                f"{self._client.name} gives results whose index is not each of 0 to {n_texts - 1} once"
            )
        by_place = dict(zip(places, results, strict=True))
        rows = [self._row(by_place[place].get("embedding")) for place in range(n_texts)]
        widths = sorted({row.shape for row in rows})
        if len(widths) != 1 or len(widths[0]) != 1 or not widths[0][0]:
            raise EncodingError(f"{self._client.name} gives vectors of different dimensions: {widths}")
        requested = self._spec.dimensions
        if requested is not None and widths[0][0] != requested:
            raise EncodingError(
                f"{self._client.name} gives {widths[0][0]} dimensions though {requested} are asked for; if it offers "
                "no choice, leave dimensions out"
            )
        # Values too large for float32 become infinite, and are refused as such.
        with np.errstate(over="ignore"):
            return np.stack(rows).astype(np.float32)

    def _row(self, embedding: Any) -> Doubles:
        """One embedding, [dim] float64; `true` and `"1"` are refused, though NumPy would convert them."""
        try:
            if isinstance(embedding, list) and any(isinstance(value, bool | str) for value in embedding):
                raise TypeError("no number")
            return np.array(embedding, dtype=np.float64)
        except (ValueError, TypeError, OverflowError) as error:
            raise EncodingError(
                f"{self._client.name} gives an embedding that is no list of numbers"
            ) from error


def _shown(record: Mapping[str, Any]) -> str:
    return f"its answer has the fields {', '.join(sorted(map(str, record)))[:200] or 'none'}"
