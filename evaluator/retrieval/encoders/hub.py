"""The hub of models: where a model is, and what its configuration says. Its weights are not downloaded here."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from evaluator.errors import EncoderNotFoundError, InvalidInputError

TIMEOUT = 5.0
"""Seconds in which the hub must take a connection, and in which it must answer."""
MAX_BYTES = 256 * 1024 * 1024
"""Of a model's configuration and tokenizers together; the largest tokenizers have some 40 MB."""

MAX_FILES = 10_000
"""Of a model."""

NONE = "the hub gave none"

CONFIGURATION = "*.json"
"""What is downloaded of a model to resolve it."""
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
    """The hub answers nobody, and the model was not downloaded before."""


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


def _configuration_size(model: str, commit: str) -> int:
    """Bytes of a model's configuration on the hub.

    Raises:
        InvalidInputError: the model has too many files to look through.
    """
    from huggingface_hub import HfApi, RepoFile  # noqa: PLC0415

    size = 0
    for place, entry in enumerate(HfApi().list_repo_tree(model, revision=commit, recursive=True)):
        if place >= MAX_FILES:
            raise InvalidInputError(
                f"the model {model!r} has more than {MAX_FILES:,} files; choose another model"
            )
        if isinstance(entry, RepoFile) and entry.path.endswith(CONFIGURATION.removeprefix("*")):
            size += entry.size
    return size


def _failure(error: Exception) -> EncoderNotFoundError:
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    if isinstance(error, HfHubHTTPError) and error.response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return SilentHubError(f"the hub asks to wait ({reason})")
    return EncoderNotFoundError(f"{NONE} ({reason})")
