"""The doctor: what this installation has, what is wrong with it, and how to fix it."""

from __future__ import annotations

import os
import platform
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from evaluator import __version__
from evaluator.artifacts.digests import is_dataset_part
from evaluator.artifacts.store import ArtifactStore
from evaluator.errors import EvaluatorError, StoreLockedError
from evaluator.home import is_open_to_others, make_home, may_write
from evaluator.jobs.connection import require
from evaluator.jobs.processes import valkey
from evaluator.jobs.processes.supervisor import lock_path
from evaluator.operations.verification import datasets_of, verify
from evaluator.retrieval.encoders.resolve import BUNDLED_NAMES, bundled_folder
from evaluator.settings import Settings
from evaluator.store.file.condition import log_path
from evaluator.store.file.database import examine as examine_database
from evaluator.uploads.folder import UPLOAD_ID, UploadFolder, uploads_folder
from evaluator.uploads.quota import MOST_FILES
from evaluator.urls import hide_passwords, shown_url

PACKAGES = (
    "streamlit",
    "rq",
    "redis",
    "duckdb",
    "sentence-transformers",
    "torch",
    "faiss-cpu",
    "bm25s",
    "ir-measures",
)
SHOWN = 10
"""Damaged artifacts that are named."""
LEAST_FREE = 2 * 1024**3
"""Bytes of disk below which the doctor warns."""

Datasets = Callable[[], Sequence[Mapping[str, Any]]]
"""Gives the records of all datasets."""


@dataclass(frozen=True)
class Check:
    """One finding. `advice` says how to fix it, unless `detail` does."""

    name: str
    well: bool
    detail: str
    advice: str = ""


def examine(
    settings: Settings, on_artifacts: Callable[[int], None] | None = None, datasets: Datasets = lambda: ()
) -> Iterator[Check]:
    """Run all checks, one after the other; none changes anything.

    Args:
        on_artifacts: if given, every artifact is read, and this is called with their number so far.
        datasets: gives the records of all datasets, so that damaged ones can be named.
    """
    yield Check("evaluator", True, f"{__version__} on Python {platform.python_version()}")
    yield from map(_package, PACKAGES)
    yield Check(
        "cores",
        True,
        f"{os.cpu_count()}; {settings.workers} workers x {settings.threads_per_worker} thread(s)",
    )
    yield _home(settings)
    yield _try("disk", "free space, or set EVALUATOR_HOME to another disk", lambda: _disk(settings))
    yield _try(
        "artifact store", "check EVALUATOR_ARTIFACTS and its permissions", lambda: _artifacts(settings)
    )
    if on_artifacts is not None:
        yield _every_artifact(settings, on_artifacts, datasets)
    try:
        yield _uploads(settings)
    except (EvaluatorError, OSError) as error:
        yield Check("uploads", False, str(error))
    yield _database(settings)
    yield _queue(settings)
    yield _sign_in(settings)
    yield _try("bundled model", "", lambda: f"{BUNDLED_NAMES[0]}, hash as published, in {bundled_folder()}")


def _package(name: str) -> Check:
    try:
        return Check(name, True, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Check(name, False, "not installed", f"pip install {name}")


def _try(name: str, advice: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (EvaluatorError, OSError) as error:
        return Check(name, False, hide_passwords(str(error)), advice)


def _home(settings: Settings) -> Check:
    try:
        home = settings.home_path
        if not home.exists():
            if not may_write(above := _nearest_folder(settings)) or not above.is_dir():
                return Check(
                    "home", False, f"{home} cannot be made in {above}; set EVALUATOR_HOME to another folder"
                )
            return Check("home", True, f"{home} is not there yet; what first stores something makes it")
        make_home(home)
        lock_path(settings)
    except (EvaluatorError, OSError) as error:
        return Check("home", False, str(error))
    if is_open_to_others(home):
        return Check("home", False, f"other users of this machine may look into {home}", f"chmod 700 {home}")
    for folder in (settings.logs_path, home / "valkey", uploads_folder(home)):
        if os.path.lexists(folder) and not folder.is_dir():
            return Check("home", False, f"{folder} is no folder", "move it away; a command makes it again")
    return Check("home", True, f"{home}, for this user alone")


def _nearest_folder(settings: Settings) -> Path:
    """The home folder, or what there is of the path to it."""
    return next(folder for folder in (settings.home_path, *settings.home_path.parents) if folder.exists())


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(_nearest_folder(settings)).free
    if free < LEAST_FREE:
        raise OSError(f"only {free / 1024**3:.1f} GiB free at {settings.home_path}")
    return f"{free / 1024**3:.0f} GiB free at {settings.home_path}"


def _artifacts(settings: Settings) -> str:
    store = ArtifactStore(settings.artifacts_url, settings.home_path / "cache")
    name = f"doctor/{uuid.uuid4().hex}.json"
    store.put_json(name, "well")
    store.read_json(name)
    store.remove(name)
    return f"{shown_url(settings.artifacts_url)} can be written and read"


def _every_artifact(settings: Settings, on_progress: Callable[[int], None], datasets: Datasets) -> Check:
    try:
        store = ArtifactStore(settings.artifacts_url, settings.home_path / "cache")
        report = verify(store, on_progress)
    except (EvaluatorError, OSError) as error:
        return Check("artifacts", False, hide_passwords(str(error)), "check EVALUATOR_ARTIFACTS")
    unknown = f"; {report.unknown:,} of an earlier version cannot be compared" if report.unknown else ""
    if not report.damaged:
        return Check("artifacts", True, f"{report.whole:,} are what was written{unknown}")
    shown = ", ".join(report.damaged[:SHOWN]) + (" ..." if len(report.damaged) > SHOWN else "")
    detail = f"{len(report.damaged):,} are damaged, {report.whole:,} are what was written{unknown}. Damaged: {shown}"
    return Check("artifacts", False, detail, _advice(report.damaged, datasets))


def _advice(damaged: Sequence[str], datasets: Datasets) -> str:
    given_names = [name for name in damaged if is_dataset_part(name)]
    advice = ["look after the disk"]
    if len(given_names) < len(damaged):
        advice.append("what is made of a dataset is made again when an experiment needs it")
    if given_names:
        names = ", ".join(map(repr, datasets_of(given_names, datasets)))
        advice.append(f"import again: {names}" if names else "import the datasets again to which they belong")
    return "; ".join(advice)


def _uploads(settings: Settings) -> Check:
    paths = uploads_folder(settings.home_path).glob("*")
    folders = [UploadFolder(path) for path in paths if UPLOAD_ID.fullmatch(path.name)]
    parts = [part for folder in folders for part in (folder.arrived, folder.made)]
    held, limit = sum(part.bytes for part in parts), settings.upload_total_bytes
    files = sum(part.files for part in parts)
    return Check(
        "uploads",
        held < limit and len(folders) < settings.upload_open_limit and files < MOST_FILES,
        f"{len(folders)} of {settings.upload_open_limit} open, {held:,} of {limit:,} bytes, {files:,} of "
        f"{MOST_FILES:,} files",
        "store or discard some, or raise EVALUATOR_UPLOAD_OPEN_LIMIT or EVALUATOR_UPLOAD_TOTAL_LIMIT",
    )


def _database(settings: Settings) -> Check:
    try:
        path = settings.database_path
        if not path.exists() and not log_path(path).exists():
            return Check("database", True, f"{path} is not there yet; what first stores something makes it")
        rows, lacks = examine_database(path)
    except StoreLockedError as error:
        return Check("database", True, f"in use, as it should be while an instance runs: {error}")
    except (EvaluatorError, OSError) as error:
        return Check("database", False, hide_passwords(str(error)))
    if lacks:
        return Check(
            "database", True, f"{path} is of an older version; the next command brings it to this one"
        )
    return Check("database", True, f"{path} is whole: all of its {rows:,} rows can be read")


def _queue(settings: Settings) -> Check:
    try:
        if settings.embedded_queue and not valkey.answers(settings):
            return Check(
                "queue", True, "embedded Valkey, not running now; `evaluator up` and `evaluator run` start it"
            )
        version = require(settings).info("server")
    except (EvaluatorError, OSError) as error:
        return Check("queue", False, str(error), "start the server that REDIS_URL names, or unset REDIS_URL")
    name = "Valkey" if "valkey_version" in version else "Redis"
    number = version.get("valkey_version") or version.get("redis_version")
    return Check("queue", True, f"{name} {number} at {settings.shown_queue}")


def _sign_in(settings: Settings) -> Check:
    """How people sign in, without any secret."""
    try:
        settings.require_whole_auth()
    except EvaluatorError as error:
        return Check("sign-in", False, str(error))
    if not settings.auth:
        return Check("sign-in", True, "nobody has to; EVALUATOR_AUTH says how people sign in")
    ways = ["password"] if "password" in settings.auth else []
    for each in settings.oidc_providers if "oidc" in settings.auth else ():
        if each.client_secret is not None and not os.environ.get(each.client_secret):
            detail = f"the client secret of {each.label} is missing"
            return Check("sign-in", False, detail, f"set {each.client_secret}")
        ways.append(f"{each.label} ({each.issuer})")
    if "proxy" in settings.auth:
        proxies = [", ".join(map(str, settings.trusted_proxies))] if settings.trusted_proxies else []
        proxies += ["with the secret"] if settings.proxy_secret is not None else []
        ways.append(f"{settings.proxy_header} of a proxy ({'; '.join(proxies)})")
    return Check("sign-in", True, ", ".join(ways))
