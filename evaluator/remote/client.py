"""A client of a running instance's REST API."""

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

from evaluator.atomic_write import whole_file
from evaluator.domain.dataset import Provenance
from evaluator.errors import EvaluatorError, InvalidInputError
from evaluator.home import for_people
from evaluator.proxies import client_for

LAST = "last"
"""The REST API's name for the last submitted experiment."""
TIMEOUT = 60.0
"""Timeout in seconds, long because the first submission builds and imports the demo dataset."""

PATIENT = httpx.Timeout(TIMEOUT, read=None)
"""For files: the server writes the whole file before it sends any of it, which may take long."""


class Client:
    """Calls the REST API of an instance; a context manager that closes its connections."""

    def __init__(self, address: str) -> None:
        self._http = client_for(address, base_url=address, timeout=TIMEOUT)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def start_demo(self) -> dict[str, Any]:
        """Submit the demo's experiment."""
        return self._call("POST", "/api/demo", headers={"content-type": "application/json"})

    def submit(self, yaml: str) -> dict[str, Any]:
        """Submit an experiment file's text."""
        return self._call("POST", "/api/experiments", json={"yaml": yaml})

    # An experiment is given by its name or id; None means the last submitted.

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
        headers = {"content-type": "application/json"}
        self._call("DELETE", self._experiment_path(experiment), headers=headers)

    def leaderboard(
        self, experiment: str | None, measure: str | None = None, baseline: str | None = None
    ) -> dict[str, Any]:
        """An experiment's leaderboard, by its first measure and compared with the best, unless others are given."""
        options = {"measure": measure, "baseline": baseline}
        parameters = {name: value for name, value in options.items() if value}
        return self._call("GET", f"{self._experiment_path(experiment)}/leaderboard", params=parameters)

    def datasets(self) -> list[dict[str, Any]]:
        """All datasets, newest first."""
        with self._request("GET", "/api/datasets") as answer:
            records: list[dict[str, Any]] = json.loads(answer.read())
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
        self._call("DELETE", _dataset_path(name), headers={"content-type": "application/json"})

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
            with self._request("GET", "/api/experiments") as answer:
                ids = [row["id"] for row in json.loads(answer.read()) if row["name"] == LAST]
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
        answer = self._call("DELETE", "/api/dead-letters", headers={"content-type": "application/json"})
        return int(answer["dropped"])

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        with self._request(method, path, **options) as answer:
            record: dict[str, Any] = json.loads(answer.read())
            return record

    @contextmanager
    def _request(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send a request; yields a successful answer whose body is not read yet.

        Raises:
            InvalidInputError: the server refuses the request; with its message.
            EvaluatorError: the server does not answer, or fails.
        """
        try:
            with self._http.stream(method, path, **options) as answer:
                if not answer.is_success:
                    raise _refused(answer)
                yield answer
        except httpx.TransportError as error:
            raise EvaluatorError(f"the server does not answer at {self._http.base_url}: {error}") from error


def _dataset_path(name: str) -> str:
    return f"/api/datasets/{quote(name, safe='')}"


def _refused(answer: httpx.Response) -> EvaluatorError:
    try:
        message = json.loads(answer.read())["error"]
    except (ValueError, KeyError):
        message = f"status {answer.status_code}"
    kind = InvalidInputError if answer.status_code in (404, 409, 422) else EvaluatorError
    return kind(f"the server refused: {message}")
