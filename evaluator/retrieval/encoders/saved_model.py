"""Facts about a saved model: its use, whether it needs its own code, and its tokenizer.

They are read from its configuration files; no model is loaded, and none of its code runs.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from evaluator.domain.experiment import ModelStage
from evaluator.domain.variant import CrossEncoder, Dense, Late, Sparse
from evaluator.errors import EncoderNotFoundError, InvalidInputError

LIBRARY = "sentence_transformers."
ALIASES = {"pylate.models.Dense.Dense"}
"""Classes that sentence-transformers replaces with its own."""

USES: dict[type, tuple[str, str]] = {
    Dense: ("SentenceTransformer", "one vector a text"),
    Sparse: ("SparseEncoder", "weights of terms"),
    Late: ("MultiVectorEncoder", "vectors of tokens"),
    CrossEncoder: ("CrossEncoder", "scores of pairs"),
}
"""For each stage, the sentence-transformers class of its models, and what they return."""

ARCHITECTURES: dict[type, tuple[str, ...]] = {
    Sparse: ("ForMaskedLM",),
    Late: ("HF_ColBERT", "ForRetrieval"),
    CrossEncoder: ("ForSequenceClassification", "ForCausalLM"),
}
"""Suffixes of architectures that a stage can use without a sentence-transformers configuration."""


def saved_kind(folder: Path) -> Literal["transformer", "static"]:
    """How a dense encoder makes vectors."""
    static = any("StaticEmbedding" in type_ for type_, _ in _modules(folder))
    return "static" if static else "transformer"


def static_module(folder: Path) -> Path | None:
    """The folder of a saved model's only module if that is a static embedding, else None."""
    modules = _modules(folder)
    if len(modules) != 1:
        return None
    ((type_, path),) = modules
    static = type_.startswith(LIBRARY) and type_.endswith(".StaticEmbedding")
    return folder / path if static else None


def require_use(stage: ModelStage, name: str, folder: Path) -> None:
    """Check that a saved model fits a stage; otherwise the library would add layers with random weights.

    Raises:
        InvalidInputError: it is made for another use; names both uses.
    """
    expected, gives = USES[type(stage)]
    actual = _use(stage, folder)
    if actual != expected:
        raise InvalidInputError(
            f"the model {name!r} is a {actual} and gives no {gives}; name a {expected} here, or use it under "
            "what it is made for"
        )


def _use(stage: ModelStage, folder: Path) -> str:
    """The sentence-transformers class that a saved model is made for."""
    declared = read_record(folder / "config_sentence_transformers.json").get("model_type")
    if declared is not None:
        return "MultiVectorEncoder" if declared == "ColBERT" else str(declared)
    if (folder / "modules.json").is_file():
        of_pylate = any(type_.startswith("pylate.") for type_, _ in _modules(folder))
        return "MultiVectorEncoder" if of_pylate else "SentenceTransformer"
    if isinstance(stage, Dense):
        return "SentenceTransformer"  # the token vectors of any transformer can be averaged
    declared = read_record(folder / "config.json").get("architectures")
    architectures = [str(name) for name in declared] if isinstance(declared, list) else []
    if any(name.endswith(ARCHITECTURES[type(stage)]) for name in architectures):
        return USES[type(stage)][0]
    return " or ".join(architectures) or "model of unknown architecture"


def foreign_code(folder: Path, known_types: frozenset[str]) -> str | None:
    """The class outside the libraries that loading a saved model would run; None if there is none.

    Args:
        folder: the model's folder, with at least its configuration files.
        known_types: `model_type` of the architectures built into transformers.
    """
    modules = _modules(folder)
    for type_, _ in modules:
        if not type_.startswith(LIBRARY) and type_ not in ALIASES:
            return type_
    for path in dict.fromkeys(["", *(path for _, path in modules)]):
        config = read_record(folder / path / "config.json")
        code = config.get("auto_map")
        if code and config.get("model_type") not in known_types:
            return str(next(iter(code.values())) if isinstance(code, dict) else code)
    return None


def tokenizer_file(folder: Path) -> Path | None:
    """A saved model's tokenizer file, if it has one in the format of the tokenizers library."""
    places = dict.fromkeys(["", *(path for _, path in _modules(folder))])
    return next(
        (tokenizer for place in places if (tokenizer := folder / place / "tokenizer.json").is_file()), None
    )


def tokenizer_hash(folder: Path) -> str | None:
    """Hash of a saved model's tokenizer: 16 hexadecimal digits; None if it has none."""
    file = tokenizer_file(folder)
    return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def read_record(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model; an empty one if there is no file.

    Raises:
        EncoderNotFoundError: the file is not JSON, or not an object.
    """
    record = _read_json(path, {})
    if not isinstance(record, dict):
        raise EncoderNotFoundError(f"the model's {path.name} holds no JSON object, so it is no saved model")
    return record


def own_length(folder: Path) -> int | None:
    """The most tokens of a text that a saved model reads; None if its configuration does not say.

    Raises:
        EncoderNotFoundError: it says something else.
    """
    length = read_record(folder / "sentence_bert_config.json").get("max_seq_length")
    if length is not None and (type(length) is not int or length < 1):
        raise EncoderNotFoundError(
            f"the model's sentence_bert_config.json has the max_seq_length {length!r:.50}, which is no length"
        )
    return length


def own_prompts(folder: Path) -> dict[str, str]:
    """A saved model's prompts, by their names.

    Raises:
        EncoderNotFoundError: it says something else.
    """
    prompts = read_record(folder / "config_sentence_transformers.json").get("prompts") or {}
    if not isinstance(prompts, dict) or not all(
        isinstance(prompt, str | None) for prompt in prompts.values()
    ):
        raise EncoderNotFoundError(
            "the model's config_sentence_transformers.json has prompts that are no texts"
        )
    return prompts


def _read_json(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise EncoderNotFoundError(f"the model's {path.name} is no JSON, so it is no saved model") from error


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Class and folder of each module of a saved model.

    Raises:
        EncoderNotFoundError: the list has another format, or a module is outside the model's folder.
    """
    modules = _read_json(folder / "modules.json", []) or []
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise EncoderNotFoundError("the model's modules.json holds no list of modules")
    listed = [(str(module.get("type", "")), str(module.get("path", ""))) for module in modules]
    for _, path in listed:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise EncoderNotFoundError(
                f"the model's modules.json names {path!r:.100}, which lies outside of it"
            )
    return listed
