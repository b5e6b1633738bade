"""Access to an instance for commands: the database of a home folder, or the running server that owns it.

Both implementations return the same plain records, which are what the REST API returns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from pydantic import SecretStr

from evaluator.domain.dataset import Provenance
from evaluator.errors import StoreLockedError
from evaluator.jobs.processes.supervisor import announced
from evaluator.people.command_key import command_key
from evaluator.proxies import is_here
from evaluator.remote.client import Client
from evaluator.remote.local import LocalInstance
from evaluator.remote.tokens import token_for
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

Record = dict[str, Any]
OnProgress = Callable[[int, int], None]


class Instance(Protocol):
    """What commands need of an instance. An experiment is given by its name or id; None means the last submitted."""

    def leaderboard(
        self, experiment: str | None, measure: str | None = None, baseline: str | None = None
    ) -> Record:
        """An experiment's leaderboard, by its first measure and compared with the best, unless others are given."""
        ...

    def progress(self, experiment: str | None) -> Record:
        """How far an experiment is."""
        ...

    def failures(self, experiment: str | None) -> list[Record]:
        """An experiment's failed queries: variant, query_id, error."""
        ...

    def delete_experiment(self, experiment: str) -> None:
        """Delete an experiment with its results. It is given by its name or whole id."""
        ...

    def history(self, name: str, measure: str | None) -> Record:
        """A dataset's scores over time."""
        ...

    def report(self, experiment: str | None, measure: str | None, baseline: str | None, path: Path) -> None:
        """Write an experiment's report into a file."""
        ...

    def make_share_link(self, experiment: str | None, part: str, days: int, **choices: str | None) -> Record:
        """Make a link with which anybody sees a part of an experiment: id, path and expires_at."""
        ...

    def share_links(self) -> list[Record]:
        """The share links of the project."""
        ...

    def revoke_share_link(self, id_: str) -> None:
        """Revoke a share link."""
        ...

    def figure(self, experiment: str | None, name: str, kind: str, path: Path, **options: str | None) -> None:
        """Write one of an experiment's figures into a file."""
        ...

    def export(self, experiment: str | None, format_: str, folder: Path) -> list[Path]:
        """Write an experiment's results into a folder; returns the files written."""
        ...

    def datasets(self) -> list[Record]:
        """All datasets, newest first."""
        ...

    def dataset(self, name: str) -> Record:
        """A dataset with its history and its relations."""
        ...

    def register_dataset(
        self,
        name: str,
        fingerprint: str,
        source: str,
        description: str = "",
        tags: Sequence[str] = (),
        provenance: Provenance | None = None,
        adds_to: str | None = None,
    ) -> Record:
        """Give a dataset that is in the artifact store a name."""
        ...

    def add_queries(self, name: str, queries: Sequence[Record], note: str = "") -> Record:
        """Add queries, each with `text`, perhaps `query_id` and `tags`; gives `dataset`, `ids`, how many `added`."""
        ...

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset with all of its versions."""
        ...

    def export_dataset(self, name: str, path: Path) -> None:
        """Write a dataset into a file, as a zip in BEIR's format."""
        ...

    def backup(self, path: Path, vectors: bool, on_progress: OnProgress) -> None:
        """Write a backup of the instance into a file, which appears when complete.

        Args:
            vectors: whether stored vectors are part of it.
            on_progress: called with the bytes written and those that there will be.
        """
        ...

    def vectors(self) -> list[Record]:
        """The stored vectors of each encoder."""
        ...

    def prune_vectors(self, limit: int | None, encoders: Sequence[str]) -> list[Record]:
        """Drop encoders' vectors; returns what was dropped."""
        ...

    def dead_letters(self) -> Record:
        """The dead letters: results that could not be recorded."""
        ...

    def drop_dead_letters(self) -> int:
        """Drop the dead letters; returns how many."""
        ...

    def accounts(self) -> list[Record]:
        """The accounts, by name."""
        ...

    def add_admin(self, name: str, password: str) -> Record:
        """Make an account that administers the instance."""
        ...

    def invite(self, name: str, role: str | None, *, is_admin: bool) -> Record:
        """A one-time link with which somebody joins."""
        ...

    def reset_account(self, name: str) -> Record:
        """A one-time link with which somebody chooses a new password."""
        ...

    def change_account(self, name: str, changes: Record) -> Record:
        """Change an account's `role`, `is_admin` or `is_closed`."""
        ...

    def projects(self) -> list[Record]:
        """The projects that one may see: name and role."""
        ...

    def add_project(self, name: str) -> None:
        """Make a project."""
        ...

    def project(self, name: str) -> Record:
        """What a project uses, and may use."""
        ...

    def change_project(self, name: str, changes: Record) -> Record:
        """Change a project's `storage`, `running` or `usd_a_month`; returns what it uses and may use."""
        ...

    def remove_project(self, name: str) -> None:
        """Remove a project without datasets."""
        ...


@contextmanager
def open_instance(settings: Settings) -> Iterator[Instance]:
    """The instance of a home folder: its database if no other process owns it, else the server that does.

    Raises:
        StoreLockedError: the process that owns the database serves no requests, such as `evaluator run`.
    """
    try:
        workspace = Workspace.open_local(settings)
    except StoreLockedError:
        address = announced(settings)
        if address is None:
            raise
        with client_here(settings, address) as client:
            yield client
        return
    with workspace:
        yield LocalInstance(workspace)


def client_here(settings: Settings, address: str) -> Client:
    """A client of a server. The home folder's key is for one on this machine; any other gets a stored token, if any."""
    key = command_key(settings) if is_here(address) else None
    return Client(address, token_for(settings, address) if key is None else SecretStr(key))
