"""A client of a running instance's REST API: the one of this home folder, or a server elsewhere."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from evaluator.atomic_write import whole_file
from evaluator.domain.dataset import Provenance
from evaluator.errors import (
    EvaluatorError,
    InvalidInputError,
    ServerBusyError,
    ServerUnreachableError,
    UnknownNameError,
)
from evaluator.home import for_people
from evaluator.proxies import client_for
from evaluator.remote.people import JSON, PeopleCalls
from evaluator.workspace.acting import chosen_project

LAST = "last"
"""The REST API's name for the last submitted experiment."""
TIMEOUT = 60.0
"""Timeout in seconds, long because the first submission builds and imports the demo dataset."""
PATIENT = httpx.Timeout(TIMEOUT, read=None)
"""For answers that the server takes long to make."""
UPLOAD = {"x-evaluator-upload": "1"}
"""A header that pages of other sites may not send, for requests whose body is no JSON."""
CHUNK = 1 << 18
"""Bytes of a file that are sent at once."""


class Client(PeopleCalls):
    """Calls the REST API of an instance; a context manager that closes its connections.

    It works in the project chosen when it is made, if any. No redirects: the token reaches no other address.

    Args:
        address: as `tokens.server_address` returns it.
        token: who asks, for servers with accounts.
    """

    def __init__(self, address: str, token: SecretStr | None = None) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
        chosen = chosen_project()
        params = {} if chosen is None else {"project": chosen}
        self._http = client_for(address, base_url=address, timeout=TIMEOUT, headers=headers, params=params)
        self.address = address

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def start_demo(self) -> dict[str, Any]:
        """Submit the demo's experiment."""
        return self._call("POST", "/api/demo", headers=JSON)

    def submit(self, yaml: str) -> dict[str, Any]:
        """Submit an experiment file's text."""
        return self._call("POST", "/api/experiments", json={"yaml": yaml})

    def plan(self, yaml: str) -> dict[str, Any]:
        """What running an experiment file's text would take."""
        return self._call("POST", "/api/experiments/plan", json={"yaml": yaml}, timeout=PATIENT)

    def whoami(self) -> dict[str, Any] | None:
        """Whose token this is: name, role, project; None if the server has no accounts."""
        try:
            record = self._call("GET", "/api/whoami")
        except UnknownNameError:
            return None
        return record if isinstance(record, dict) and record.get("name") is not None else None

    # An experiment is given by its name or id; None means the last submitted.

    def resume(self, experiment: str | None) -> dict[str, Any]:
        """Continue an experiment: run its missing and failed queries."""
        return self._call("POST", f"{self._experiment_path(experiment)}/resume", json={})

    def cancel(self, experiment: str | None) -> dict[str, Any]:
        """Cancel an experiment."""
        return self._call("POST", f"{self._experiment_path(experiment)}/cancel", json={})

    def progress(self, experiment: str | None) -> dict[str, Any]:
        """An experiment's progress."""
        return self._call("GET", self._experiment_path(experiment))

    def failures(self, experiment: str | None) -> list[dict[str, Any]]:
        """An experiment's failed queries."""
        records: list[dict[str, Any]] = self._call("GET", f"{self._experiment_path(experiment)}/failures")  # type: ignore[assignment]
        return records

    def delete_experiment(self, experiment: str) -> None:
        """Delete an experiment with its results."""
        self._call("DELETE", self._experiment_path(experiment), headers=JSON)

    def leaderboard(
        self, experiment: str | None, measure: str | None = None, baseline: str | None = None
    ) -> dict[str, Any]:
        """An experiment's leaderboard, by its first measure and compared with the best, unless others are given."""
        options = {"measure": measure, "baseline": baseline}
        parameters = {name: value for name, value in options.items() if value}
        return self._call("GET", f"{self._experiment_path(experiment)}/leaderboard", params=parameters)

    def datasets(self) -> list[dict[str, Any]]:
        """All datasets, newest first."""
        records: list[dict[str, Any]] = self._call("GET", "/api/datasets")  # type: ignore[assignment]
        return records

    def dataset(self, name: str) -> dict[str, Any]:
        """A dataset with its history and its relations."""
        return self._call("GET", _dataset_path(name))

    def history(self, name: str, measure: str | None) -> dict[str, Any]:
        """A dataset's scores over time."""
        parameters = {"measure": measure} if measure else {}
        return self._call("GET", f"{_dataset_path(name)}/history", params=parameters)

    def register_dataset(
        self,
        name: str,
        fingerprint: str,
        source: str,
        description: str = "",
        tags: Sequence[str] = (),
        provenance: Provenance | None = None,
        adds_to: str | None = None,
    ) -> dict[str, Any]:
        """Give a dataset that is in the instance's artifact store a name."""
        record = {
            "name": name,
            "fingerprint": fingerprint,
            "source": source,
            "description": description,
            "tags": list(tags),
            "provenance": provenance and provenance.to_json(),
            "adds_to": adds_to,
        }
        return self._call("POST", "/api/datasets", json=record)

    def add_queries(self, name: str, queries: Sequence[dict[str, Any]], note: str = "") -> dict[str, Any]:
        """Add queries to a dataset."""
        record = {"queries": list(queries), "note": note}
        return self._call("POST", f"{_dataset_path(name)}/queries", json=record)

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset with all of its versions."""
        self._call("DELETE", _dataset_path(name), headers=JSON)

    def export_dataset(self, name: str, path: Path) -> None:
        """Write a dataset into a file, as a zip in BEIR's format; the file appears when complete."""
        self._save(f"{_dataset_path(name)}/download", path)

    def export(self, experiment: str | None, format_: str, folder: Path) -> list[Path]:
        """Write an experiment's results into a folder, like `analysis.export`; returns the files written."""
        try:
            with for_people():
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInputError(
                f"{folder} cannot be written: {error.strerror}; choose another place"
            ) from error
        address = f"{self._experiment_path(experiment)}/export/{format_}"
        if format_ != "trec":
            name = "per_query" if format_ in ("csv", "parquet") else "experiment"
            path = folder / f"{name}.{format_}"
            self._save(address, path)
            return [path]
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            archive = Path(scratch) / "runs.zip"
            self._save(address, archive)
            with for_people(), zipfile.ZipFile(archive) as files:
                files.extractall(folder)  # names are those of variants; zipfile removes `..` from paths
                return [folder / name for name in files.namelist()]

    def report(self, experiment: str | None, measure: str | None, baseline: str | None, path: Path) -> None:
        """Write an experiment's report into a file."""
        self._save(f"{self._experiment_path(experiment)}/report", path, measure=measure, baseline=baseline)

    def make_share_link(
        self, experiment: str | None, part: str, days: int, **choices: str | None
    ) -> dict[str, Any]:
        """Make a link with which anybody sees a part of an experiment."""
        body = {"part": part, "days": days, **choices}
        return self._call("POST", f"{self._experiment_path(experiment)}/share-links", json=body)

    def figure(self, experiment: str | None, name: str, kind: str, path: Path, **options: str | None) -> None:
        """Write one of an experiment's figures into a file."""
        self._save(f"{self._experiment_path(experiment)}/figures/{name}.{kind}", path, **options)

    def backup(self, path: Path, vectors: bool, on_progress: Callable[[int, int], None]) -> None:
        """Write a backup of the instance into a file, which appears when complete."""
        from evaluator.operations.backup.writing import save  # noqa: PLC0415  few commands need it

        given: dict[str, Any] = {"params": {"vectors": 1} if vectors else {}, "timeout": PATIENT}
        # Compressed, it would have no length, and all of it is compressed already.
        given["headers"] = {"accept-encoding": "identity"}
        with self._request("GET", "/api/backup", **given) as answer:
            size = int(answer.headers.get("content-length", 0))
            save(path, answer.iter_bytes(), size, on_progress)

    def _experiment_path(self, experiment: str | None) -> str:
        """The API path of an experiment. There `last` means the last submitted; one with this name needs its id."""
        if experiment == LAST:
            rows: list[dict[str, Any]] = self._call("GET", "/api/experiments")  # type: ignore[assignment]
            ids = [row["id"] for row in rows if row["name"] == LAST]
            if len(ids) != 1:
                raise InvalidInputError(
                    f"{len(ids)} experiments are called {LAST!r}; give the id of one"
                    + (f": {', '.join(ids)}" if ids else "")
                )
            experiment = ids[0]
        return f"/api/experiments/{quote(experiment or LAST, safe='')}"

    def _save(self, address: str, path: Path, **parameters: str | None) -> None:
        present = {name: value for name, value in parameters.items() if value is not None}
        request = self._request("GET", address, params=present, timeout=PATIENT)
        with request as answer, for_people(), whole_file(path) as file:
            for chunk in answer.iter_bytes():
                file.write(chunk)

    def vectors(self) -> list[dict[str, Any]]:
        """The stored vectors of each encoder."""
        records: list[dict[str, Any]] = self._call("GET", "/api/vectors")  # type: ignore[assignment]
        return records

    def prune_vectors(self, limit: int | None, encoders: Sequence[str]) -> list[dict[str, Any]]:
        """Drop encoders' vectors; returns what was dropped."""
        body = {"limit": limit, "encoders": list(encoders)}
        records: list[dict[str, Any]] = self._call("POST", "/api/vectors/prune", json=body)  # type: ignore[assignment]
        return records

    def dead_letters(self) -> dict[str, Any]:
        """The dead letters: results that could not be recorded."""
        return self._call("GET", "/api/dead-letters")

    def drop_dead_letters(self) -> int:
        """Drop the dead letters; returns how many."""
        answer = self._call("DELETE", "/api/dead-letters", headers=JSON)
        return int(answer["dropped"])

    # Uploads: `evaluator.uploads.state.UploadState` is what their state means.

    def begin_upload(self, adds_to: str | None = None) -> str:
        """Begin an upload, perhaps of queries and judgments for a dataset; returns its id."""
        parameters = {} if adds_to is None else {"adds_to": adds_to}
        return str(self._call("POST", "/api/uploads", params=parameters, json={})["id"])

    def begin_fetch(self, reference: str) -> str:
        """Begin an upload of a dataset that the server fetches from a hub; returns its id."""
        return str(self._call("POST", "/api/uploads/fetch", json={"reference": reference})["id"])

    def send_file(self, upload: str, name: str, path: Path, on_sent: Callable[[int], None]) -> None:
        """Send a file in chunks.

        Args:
            name: relative path with `/`.
            on_sent: called with the number of bytes of each chunk that was sent.
        """
        with path.open("rb") as file:
            size = path.stat().st_size

            def chunks() -> Iterator[bytes]:
                while chunk := file.read(CHUNK):
                    yield chunk
                    on_sent(len(chunk))

            headers = {**UPLOAD, "content-length": str(size)}
            place = f"/api/uploads/{upload}/files/{quote(name)}"
            self._call("PUT", place, content=chunks(), headers=headers, timeout=PATIENT)

    def recognise_upload(self, upload: str) -> None:
        """Start recognising an upload's files."""
        self._call("POST", f"/api/uploads/{upload}/recognise", json={})

    def check_upload(self, upload: str, reading: dict[str, Any], *, exclude_self: bool) -> None:
        """Start checking the dataset that an upload's files are, read in a given way."""
        body = {"reading": reading, "exclude_self": exclude_self}
        self._call("POST", f"/api/uploads/{upload}/check", json=body)

    def upload_state(self, upload: str) -> dict[str, Any]:
        """What is known of an upload."""
        return self._call("GET", f"/api/uploads/{upload}")

    def store_upload(
        self, upload: str, name: str, description: str = "", tags: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Store a checked upload as a dataset, or as the next version of the one of this name."""
        body = {"name": name, "description": description, "tags": list(tags), "next_version": True}
        return self._call("POST", f"/api/uploads/{upload}/store", json=body, timeout=PATIENT)

    def discard_upload(self, upload: str) -> None:
        """Discard an upload and its files."""
        self._call("DELETE", f"/api/uploads/{upload}", headers=UPLOAD)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with self._request(method, path, **options) as answer:
            record: dict[str, Any] = self._read(answer)
            return record

    def _read(self, answer: httpx.Response) -> Any:
        try:
            return json.loads(answer.read())
        except ValueError as error:
            raise EvaluatorError(
                f"{self.address} answers, but not as this software's server does; check the address"
            ) from error

    @contextmanager
    def _request(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send a request; yields a successful answer whose body is not read yet.

        Raises:
            InvalidInputError: the server refuses the request; with its message.
            ServerUnreachableError: the server does not answer.
            EvaluatorError: the server fails, or takes no request of this person.
        """
        try:
            with self._http.stream(method, path, **options) as answer:
                if not answer.is_success:
                    raise _refused(answer, self.address)
                yield answer
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise ServerUnreachableError(f"the server does not answer at {self.address}: {why}") from error


def _dataset_path(name: str) -> str:
    return f"/api/datasets/{quote(name, safe='')}"


def _refused(answer: httpx.Response, address: str) -> EvaluatorError:
    """The error that an answer means, with the server's own message where it has one."""
    status = answer.status_code
    if answer.is_redirect:
        elsewhere = answer.headers.get("location", "another address")
        return EvaluatorError(
            f"{address} redirects to {elsewhere}, which is not followed; give the server's own address"
        )
    try:
        message = json.loads(answer.read())["error"]
    except (ValueError, KeyError, TypeError):
        return _not_ours(status, address)
    said = f"the server refused: {message}"
    if status == httpx.codes.UNAUTHORIZED:
        return EvaluatorError(f"{said}; run `evaluator login {address}`")
    later = answer.headers.get("retry-after", "")
    if later.isdigit():
        return ServerBusyError(said, float(later))
    if status == httpx.codes.NOT_FOUND:
        return UnknownNameError(said)
    return (InvalidInputError if status in (409, 413, 422) else EvaluatorError)(said)


def _not_ours(status: int, address: str) -> EvaluatorError:
    """The error for a refusal that is not this software's: of a proxy in front of it, or of another server."""
    advice = f"; run `evaluator login {address}`" if status == httpx.codes.UNAUTHORIZED else ""
    kind = ServerUnreachableError if status in (502, 503, 504) else EvaluatorError
    return kind(f"the server refused: status {status}{advice}")
