"""The hub of models: where a model is, what its configuration says, and how large it is.

Its weights are not downloaded here.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from evaluator.errors import EncoderNotFoundError, EncodingError, InvalidInputError

TIMEOUT = 5.0
"""Seconds in which the hub must take a connection, and in which it must answer."""
MAX_BYTES = 256 * 1024 * 1024
"""Bytes of a model's configuration and tokenizers together; the largest tokenizers have some 40 MB."""

MAX_FILES = 10_000
"""Files of a model."""

OTHER_FORMATS = (
    ".onnx",
    ".onnx_data",
    ".h5",
    ".msgpack",
    ".ot",
    ".gguf",
    ".ggml",
    ".tflite",
    ".mlmodel",
    ".pb",
)
"""Endings of weights that are for other libraries than PyTorch."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt")
"""Endings of pickled weights."""
SAFE = ".safetensors"
SAFE_NAMES = (f"model{SAFE}", f"model{SAFE}.index.json")
"""If a model has one of these, no pickled weights are downloaded."""
TAKES_FILES = {
    "Transformer",
    "MLMTransformer",
    "StaticEmbedding",
    "Pooling",
    "SpladePooling",
    "MultiVectorMask",
    "Normalize",
    "Dense",
    "LayerNorm",
    "Dropout",
}
"""Modules of sentence-transformers that are loaded file by file; for others whole folders are downloaded."""

NONE = "the hub gave none"

CONFIGURATION = "*.json"
"""Files that are downloaded to resolve a model."""
NAME = re.compile(r"(?P<model>[^@]+)(?:@(?P<revision>\w[\w.+-]*(?:/\w[\w.+-]*)*))?")
"""A revision is a branch, a tag or a commit; the hub's library makes a path of it."""
COMMIT = re.compile(r"[0-9a-f]{40}")


class HubModel(NamedTuple):
    """A model of the hub.

    Attributes:
        folder: on this machine, with its configuration at least.
        location: `organisation/model@commit`.
    """

    folder: Path
    location: str


class SilentHubError(EncoderNotFoundError):
    """The hub does not answer, and the model was not downloaded before."""


def find_model(name: str, *, silent: bool = False) -> HubModel:
    """Find a model on the hub, and download its configuration; where that fails, what was downloaded before will do.

    Args:
        name: `organisation/model`, or `organisation/model@revision`.
        silent: whether the hub did not answer a moment ago, so that it is not asked.

    Raises:
        SilentHubError: the hub does not answer; says so as the end of a sentence.
        EncoderNotFoundError: there is no such model; as the end of a sentence.
        InvalidInputError: it is too large.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415  half a second, rarely needed

    parts = NAME.fullmatch(name)
    if parts is None:
        raise EncoderNotFoundError(f"{NONE} (write organisation/model, or organisation/model@revision)")
    model, revision = parts["model"], parts["revision"]
    downloaded = partial(
        snapshot_download, model, revision=revision, allow_patterns=[CONFIGURATION], local_files_only=True
    )
    if silent or COMMIT.fullmatch(revision or ""):
        with suppress(OSError, ValueError):  # all errors of the hub's library are one of the two
            return _found(model, downloaded())
    if silent:
        raise SilentHubError("the hub did not answer a moment ago; try again in a moment")
    try:
        return _found(model, _download(model, known_commit(model, revision), revision))
    except EncoderNotFoundError:
        with suppress(OSError, ValueError):
            return _found(model, downloaded())
        raise


def _found(model: str, folder: str) -> HubModel:
    # The cache keeps each commit in a folder of its name: that is the exact revision.
    return HubModel(Path(folder), f"{model}@{Path(folder).name}")


def known_commit(model: str, revision: str | None) -> str:
    """Ask the hub what a revision is now: a request that takes it no time, and that its library does not repeat.

    For a single file it would ask again and again, for up to six minutes.

    Raises:
        SilentHubError: the hub does not answer.
        EncoderNotFoundError: there is no such model.
    """
    import httpx  # noqa: PLC0415
    from huggingface_hub import HfApi, constants  # noqa: PLC0415

    # Else the library asks the hub for a list of coding agents first, and tells it which of them it finds here.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        return str(HfApi().model_info(model, revision=revision, timeout=TIMEOUT, expand=["sha"]).sha)
    except httpx.TransportError as error:
        raise SilentHubError(f"the hub does not answer ({type(error).__name__}: {error})") from error
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise _failure(error) from error


def _download(model: str, commit: str, revision: str | None) -> str:
    """Download a model's configuration; returns its folder."""
    import httpx  # noqa: PLC0415
    from huggingface_hub import get_session, snapshot_download  # noqa: PLC0415

    try:
        get_session().timeout = TIMEOUT  # of requests that the library sets none for
        size = _configuration_size(model, commit)
        if size > MAX_BYTES:
            raise InvalidInputError(
                f"the configuration of the model {model!r} has {size:,} bytes on the hub, and {MAX_BYTES:,} are "
                "taken; choose another model"
            )
        # By the revision, not the commit: where the network fails later, it is known what the revision was.
        return str(
            snapshot_download(model, revision=revision, allow_patterns=[CONFIGURATION], etag_timeout=TIMEOUT)
        )
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise _failure(error) from error


def require_room(name: str, model: str, commit: str, limit: int) -> None:
    """Check, before a model's weights are downloaded, that they are not larger than they may be, and than the disk.

    What is downloaded already is used, however large it is. Some files may be counted that are not taken in the end.

    Args:
        name: what people call it.
        limit: bytes that a model may have.

    Raises:
        InvalidInputError: it is larger, or has too many files to look through.
        EncodingError: there is no room for it now.
        OSError: the hub does not answer.
    """
    from huggingface_hub import constants, try_to_load_from_cache  # noqa: PLC0415
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError  # noqa: PLC0415

    try:
        sizes = _taken(_sizes(model, commit), _takes_files(model, commit))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        return  # the hub has it no more, so nothing can be downloaded
    if any(
        path.endswith((SAFE, *PICKLED))
        and isinstance(try_to_load_from_cache(model, path, revision=commit), str)
        for path in sizes
    ):
        return  # this commit is downloaded: its size was checked before
    if (size := sum(sizes.values())) > limit:
        raise InvalidInputError(
            f"the model {name!r} has {size:,} bytes on the hub, and EVALUATOR_MODEL_LIMIT allows {limit:,}; raise that "
            "for the workers, or choose another model"
        )
    cache = Path(constants.HF_HUB_CACHE)
    existing = next(folder for folder in (cache, *cache.absolute().parents) if folder.exists())
    if (free := shutil.disk_usage(existing).free) < size:
        raise EncodingError(
            f"the model {name!r} has {size:,} bytes on the hub, and {free:,} are free in {cache}, where it would be "
            "downloaded to; make room there, or set HF_HOME to another folder"
        )


def _takes_files(model: str, commit: str) -> bool:
    """Whether a model is loaded file by file; False if one of its modules is unknown."""
    from huggingface_hub import hf_hub_download  # noqa: PLC0415
    from huggingface_hub.errors import EntryNotFoundError  # noqa: PLC0415

    try:
        modules = json.loads(Path(hf_hub_download(model, "modules.json", revision=commit)).read_bytes())
        return all(
            module["type"].startswith("sentence_transformers.")
            and module["type"].rpartition(".")[2] in TAKES_FILES
            for module in modules
        )
    except EntryNotFoundError:
        return True  # a model that transformers loads without modules
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _taken(sizes: Mapping[str, int], takes_files: bool) -> dict[str, int]:
    """The files that may be downloaded to load a model, with their sizes in bytes."""
    if not takes_files:
        return dict(sizes)
    safe = {path.rpartition("/")[0] for path in sizes if path.rpartition("/")[2] in SAFE_NAMES}
    return {
        path: size
        for path, size in sizes.items()
        if not path.endswith(OTHER_FORMATS)
        and not (path.endswith(PICKLED) and path.rpartition("/")[0] in safe)
    }


def _configuration_size(model: str, commit: str) -> int:
    """Bytes of a model's configuration on the hub.

    Raises:
        InvalidInputError: the model has too many files to look through.
    """
    ending = CONFIGURATION.removeprefix("*")
    return sum(size for path, size in _sizes(model, commit).items() if path.endswith(ending))


def _sizes(model: str, commit: str) -> dict[str, int]:
    """Bytes of each file of a model on the hub.

    Raises:
        InvalidInputError: it has too many files to look through.
    """
    from huggingface_hub import HfApi, RepoFile  # noqa: PLC0415

    sizes: dict[str, int] = {}
    for place, entry in enumerate(HfApi().list_repo_tree(model, revision=commit, recursive=True)):
        if place >= MAX_FILES:
            raise InvalidInputError(
                f"the model {model!r} has more than {MAX_FILES:,} files; choose another model"
            )
        if isinstance(entry, RepoFile):
            sizes[entry.path] = entry.size
    return sizes


def _failure(error: Exception) -> EncoderNotFoundError:
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    if isinstance(error, HfHubHTTPError) and error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return SilentHubError(f"the hub asks to wait ({reason})")
    return EncoderNotFoundError(f"{NONE} ({reason})")
