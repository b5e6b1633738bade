"""The hub of models: where a model is, and what its configuration says. Its weights are not downloaded here."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from evaluator.errors import EncoderNotFoundError, InvalidInputError

TIMEOUT = 5.0
"""Seconds in which the hub must take a connection, and in which it must answer."""
MAX_BYTES = 256 * 1024 * 1024
"""Of a model's configuration and tokenizers together; the largest tokenizers have some 40 MB."""

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
    """The hub does not answer, and the model was not downloaded before."""


def find_model(name: str, *, silent: bool = False) -> HubModel:
    """Find a model on the hub, and download its configuration; where that fails, what was downloaded before will do.

    Args:
        name: `organisation/model`, or `organisation/model@revision`.
        silent: whether the hub did not answer a moment ago, so that it is not asked.

    Raises:
        SilentHubError: the hub does not answer; says so as the end of a sentence.
        EncoderNotFoundError: there is no such model; as the end of a sentence.
        InvalidInputError: its configuration is too large.
    """
    import httpx  # noqa: PLC0415
    from huggingface_hub import snapshot_download  # noqa: PLC0415  half a second, rarely needed

    parts = NAME.fullmatch(name)
    if parts is None:
        raise EncoderNotFoundError(f"{NONE} (write organisation/model, or organisation/model@revision)")
    model, revision = parts["model"], parts["revision"]
    downloaded = partial(
        snapshot_download, model, revision=revision, allow_patterns=[CONFIGURATION], local_files_only=True
    )
    if silent or COMMIT.fullmatch(revision or ""):
        with suppress(OSError, ValueError):  # all errors of the hub are one of the two
            return _found(model, downloaded())
    if silent:
        raise SilentHubError("the hub did not answer a moment ago; try again in a moment")
    try:
        return _found(model, _download(model, revision))
    except (OSError, ValueError, httpx.HTTPError) as error:
        with suppress(OSError, ValueError):
            return _found(model, downloaded())
        raise _failure(error) from error


def _found(model: str, folder: str) -> HubModel:
    # The cache keeps each commit in a folder of its name: that is the exact revision.
    return HubModel(Path(folder), f"{model}@{Path(folder).name}")


def _download(model: str, revision: str | None) -> str:
    """Download a model's configuration; returns its folder.

    The first request is one that the hub's library does not repeat: it asks again and again for a single file, for up
    to six minutes.
    """
    from huggingface_hub import HfApi, get_session, snapshot_download  # noqa: PLC0415

    get_session().timeout = TIMEOUT  # of requests that the library sets none for
    info = HfApi().model_info(model, revision=revision, timeout=TIMEOUT, files_metadata=True)
    files = [file for file in info.siblings or () if file.rfilename.endswith(CONFIGURATION.removeprefix("*"))]
    size = sum(file.size or 0 for file in files)
    if size > MAX_BYTES:
        raise InvalidInputError(
            f"the configuration of the model {model!r} has {size:,} bytes on the hub, and {MAX_BYTES:,} are taken; "
            "choose another model"
        )
    return str(
        snapshot_download(model, revision=revision, allow_patterns=[CONFIGURATION], etag_timeout=TIMEOUT)
    )


def _failure(error: Exception) -> EncoderNotFoundError:
    import httpx  # noqa: PLC0415
    from huggingface_hub.errors import HfHubHTTPError  # noqa: PLC0415

    reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    for problem in (error, error.__cause__):
        if isinstance(problem, httpx.TransportError):
            return SilentHubError(f"the hub does not answer ({type(problem).__name__}: {problem})")
        if isinstance(problem, HfHubHTTPError) and _is_busy(problem.response.status_code):
            return SilentHubError(f"the hub cannot answer now ({reason})")
    return EncoderNotFoundError(f"{NONE} ({reason})")


def _is_busy(status: int) -> bool:
    return status == 429 or status >= 500
