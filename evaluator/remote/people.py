"""Calls of a running instance's REST API that are about people: accounts and projects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote

JSON = {"content-type": "application/json"}
"""A header that pages of other sites may not send."""


class PeopleCalls(ABC):
    """The part of a client that is about people."""

    @abstractmethod
    def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send a request; its answer as JSON."""

    def accounts(self) -> list[dict[str, Any]]:
        """The accounts, by name."""
        records: list[dict[str, Any]] = self._call("GET", "/api/accounts")  # type: ignore[assignment]
        return records

    def add_admin(self, name: str, password: str) -> dict[str, Any]:
        """Make an account that administers the instance."""
        return self._call("POST", "/api/accounts", json={"name": name, "password": password})

    def invite(self, name: str, role: str | None, *, is_admin: bool) -> dict[str, Any]:
        """A one-time link with which somebody joins."""
        return self._call("POST", "/api/accounts", json={"name": name, "role": role, "is_admin": is_admin})

    def reset_account(self, name: str) -> dict[str, Any]:
        """A one-time link with which somebody chooses a new password."""
        return self._call("POST", f"/api/accounts/{quote(name, safe='')}/reset", json={})

    def change_account(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change an account's `role`, `is_admin` or `is_closed`."""
        return self._call("PATCH", f"/api/accounts/{quote(name, safe='')}", json=changes)

    def projects(self) -> list[dict[str, Any]]:
        """The projects that one may see: name and role."""
        records: list[dict[str, Any]] = self._call("GET", "/api/projects")  # type: ignore[assignment]
        return records

    def add_project(self, name: str) -> None:
        """Make a project."""
        self._call("POST", "/api/projects", json={"name": name})

    def project(self, name: str) -> dict[str, Any]:
        """What a project uses, and may use."""
        return self._call("GET", f"/api/projects/{quote(name, safe='')}")

    def change_project(self, name: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change a project's `storage`, `running` or `usd_a_month`; returns what it uses and may use."""
        return self._call("PATCH", f"/api/projects/{quote(name, safe='')}", json=changes)

    def remove_project(self, name: str) -> None:
        """Remove a project without datasets."""
        self._call("DELETE", f"/api/projects/{quote(name, safe='')}", headers=JSON)

    def share_links(self) -> list[dict[str, Any]]:
        """The share links of the project."""
        records: list[dict[str, Any]] = self._call("GET", "/api/share-links")  # type: ignore[assignment]
        return records

    def revoke_share_link(self, id_: str) -> None:
        """Revoke a share link."""
        self._call("DELETE", f"/api/share-links/{quote(id_, safe='')}", headers=JSON)
