"""A client of a running instance's REST API."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx

from evaluator.errors import EvaluatorError

TIMEOUT = 60.0
"""Seconds; the first submission builds and imports the demo dataset."""


class Client:
    """Calls the API of an instance at an address; a context that closes its connections."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=TIMEOUT)

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

    def cancel(self, experiment: str) -> dict[str, Any]:
        """Cancel an experiment by name or id; `last` is the last submitted."""
        return self._call("POST", f"/api/experiments/{experiment}/cancel", json={})

    def progress(self, experiment: str) -> dict[str, Any]:
        """An experiment's progress."""
        return self._call("GET", f"/api/experiments/{experiment}")

    def leaderboard(self, experiment: str, measure: str | None = None) -> dict[str, Any]:
        """An experiment's leaderboard, by its first measure unless another is given."""
        parameters = {"measure": measure} if measure else {}
        return self._call("GET", f"/api/experiments/{experiment}/leaderboard", params=parameters)

    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise EvaluatorError(f"the server does not answer at {self._http.base_url}: {error}") from error
        if not answer.is_success:
            try:
                message = answer.json()["error"]
            except (ValueError, KeyError):
                message = f"status {answer.status_code}"
            raise EvaluatorError(f"the server refused: {message}")
        record: dict[str, Any] = answer.json()
        return record
