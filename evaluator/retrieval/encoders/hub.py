"""Models on the Hugging Face hub: finding a model, its configuration and its size, without downloading its weights."""

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
"""Seconds for the hub to accept a connection, and again to answer."""
MAX_BYTES = 256 * 1024 * 1024
"""The most bytes of a model's configuration and tokenizers; the largest tokenizers have about 40 MB."""

MAX_FILES = 10_000
"""The most files of a model."""

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
"""Suffixes of weights for libraries other than PyTorch."""
PICKLED = (".bin", ".pt", ".pth", ".ckpt")
"""Suffixes of pickled weights."""
SAFE = ".safetensors"
SAFE_NAMES = (f"model{SAFE}", f"model{SAFE}.index.json")
"""If a model has one of these files, its pickled weights are not downloaded."""
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
"""A revision: a branch, a tag or a commit; the hub's library uses it in a path."""
COMMIT = re.compile(r"[0-9a-f]{40}")


class HubModel(NamedTuple):
    """A model on the hub.

    Attributes:
        folder: the local folder, with at least its configuration.
        location: `organisation/model@commit`.
    """

    folder: Path
    location: str


class SilentHubError(EncoderNotFoundError):
    """The hub does not answer, and the model was not downloaded before."""


def find_model(name: str, *, silent: bool = False) -> HubModel:
    """Find a model on the hub and download its configuration; if that fails, use an earlier download.

    Args:
        name: `organisation/model`, or `organisation/model@revision`.
        silent: whether the hub failed to answer a moment ago; then it is not asked.

    Raises:
        SilentHubError: the hub does not answer; its message is the end of a sentence.
        EncoderNotFoundError: there is no such model; its message is the end of a sentence.
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
        with suppress(OSError, ValueError):  # all errors of the hub's library are of these types
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
    # The cache keeps each commit in a folder with its name, so the folder gives the exact revision.
    return HubModel(Path(folder), f"{model}@{Path(folder).name}")


def known_commit(model: str, revision: str | None) -> str:
    """Ask the hub for a revision's current commit: a fast request that its library does not repeat.

    Requests for a file are repeated for up to six minutes.

    Raises:
        SilentHubError: the hub does not answer.
        EncoderNotFoundError: there is no such model.
    """
    import httpx  # noqa: PLC0415
    from huggingface_hub import HfApi, constants  # noqa: PLC0415

    # Otherwise the library first asks the hub for a list of coding agents, and reports which of them run here.
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
        get_session().timeout = TIMEOUT  # for requests without a timeout of their own
        size = _configuration_size(model, commit)
        if size > MAX_BYTES:
            raise InvalidInputError(
                f"the configuration of the model {model!r} has {size:,} bytes on the hub, and {MAX_BYTES:,} are "
                "taken; choose another model"
            )
        # By the revision, not the commit, so that the cache knows the revision's commit if the network fails later.
        return str(
            snapshot_download(model, revision=revision, allow_patterns=[CONFIGURATION], etag_timeout=TIMEOUT)
        )
    except (OSError, ValueError, httpx.HTTPError) as error:
        raise _failure(error) from error


def require_room(name: str, model: str, commit: str, limit: int) -> None:
    """Check before a download that a model's weights fit the limit and the free disk space.

    An earlier download is used whatever its size. The size may include files that are not downloaded in the end.

    Args:
        name: the model's name for messages.
        limit: the most bytes of a model.

    Raises:
        InvalidInputError: the model is larger, or has too many files.
        EncodingError: the disk has no room for it now.
        OSError: the hub does not answer.
    """
    from huggingface_hub import constants, try_to_load_from_cache  # noqa: PLC0415
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError  # noqa: PLC0415

    try:
        sizes = _taken(_sizes(model, commit), _takes_files(model, commit))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        return  # no longer on the hub, so nothing can be downloaded
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
    """The files that loading a model may download, with their sizes in bytes."""
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
        InvalidInputError: the model has too many files.
    """
    ending = CONFIGURATION.removeprefix("*")
    return sum(size for path, size in _sizes(model, commit).items() if path.endswith(ending))


def _sizes(model: str, commit: str) -> dict[str, int]:
    """Bytes of each file of a model on the hub.

    Raises:
        InvalidInputError: the model has too many files.
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
