"""Load a resolved model of any kind. Each kind's libraries are imported when its first model is loaded."""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import Any

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.experiment import EncoderSpec
from evaluator.retrieval.encoders.opening import AUTOMATIC, Runtime


def load_model(spec: EncoderSpec, store: ArtifactStore, runtime: Runtime = AUTOMATIC) -> Any:
    """An `Encoder`, or for the kind `cross` a `PairScorer`.

    Raises:
        EncoderNotFoundError: it cannot be loaded; trying again does not help.
        InvalidInputError: it needs its own code and is not trusted, or cannot read texts of the requested length.
        EncodingError: the hub does not answer.
    """
    match spec.kind:
        case "sparse":
            from evaluator.retrieval.encoders.sparse_encoder import load_sparse_encoder

            return load_sparse_encoder(spec, store, runtime)
        case "late":
            from evaluator.retrieval.encoders.late_encoder import load_late_encoder

            return load_late_encoder(spec, store, runtime)
        case "cross":
            from evaluator.retrieval.encoders.cross_encoder import load_cross_encoder

            return load_cross_encoder(spec, store, runtime)
    if spec.kind == "static" and spec.source != "hub":
        from evaluator.retrieval.encoders.opening import saved_model
        from evaluator.retrieval.encoders.static_encoder import load_static_encoder

        with saved_model(spec, store) as folder:
            static = load_static_encoder(folder, spec)
        if static is not None:
            return static
    from evaluator.retrieval.encoders.sentence_transformer import load_encoder

    return load_encoder(spec, store, runtime)
