"""An instance whose database this process has opened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evaluator.atomic_write import whole_file
from evaluator.domain.access import Role
from evaluator.domain.dataset import Provenance
from evaluator.experiments import lifecycle
from evaluator.home import for_people
from evaluator.library import catalog, quotas
from evaluator.library.queries import NewQuery, add
from evaluator.library.records import added_record, dataset_details, dataset_record
from evaluator.library.registration import register
from evaluator.operations import dead_letters, vector_storage
from evaluator.people import accounts, projects, records, share_links
from evaluator.workspace.workspace import Workspace

if TYPE_CHECKING:
    from evaluator.analysis.export import Format
    from evaluator.domain.records import Part
    from evaluator.report.figures import Image

# Drawing and analysis are imported when they are used: most commands need neither.
# ruff: noqa: PLC0415

Record = dict[str, Any]


class LocalInstance:
    """The instance of an open workspace; see `evaluator.remote.instance.Instance` for what each method does."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def leaderboard(
        self, experiment: str | None, measure: str | None = None, baseline: str | None = None
    ) -> Record:
        """An experiment's leaderboard."""
        from evaluator.analysis.leaderboard import leaderboard, leaderboard_record

        row = lifecycle.find(self._workspace, experiment)
        return leaderboard_record(leaderboard(self._workspace, row, measure, baseline=baseline))

    def progress(self, experiment: str | None) -> Record:
        """How far an experiment is."""
        from evaluator.experiments.progress import progress_reader

        row = lifecycle.find(self._workspace, experiment)
        return dataclasses.asdict(progress_reader(self._workspace).read(row.id))

    def failures(self, experiment: str | None) -> list[Record]:
        """An experiment's failed queries."""
        from evaluator.experiments.overview import failures_record

        return failures_record(self._workspace, lifecycle.find(self._workspace, experiment))

    def delete_experiment(self, experiment: str) -> None:
        """Delete an experiment with its results."""
        lifecycle.delete(self._workspace, lifecycle.find(self._workspace, experiment, beginnings=False))

    def history(self, name: str, measure: str | None) -> Record:
        """A dataset's scores over time."""
        from evaluator.analysis.history import history, history_record

        return history_record(history(self._workspace, name, measure))

    def report(self, experiment: str | None, measure: str | None, baseline: str | None, path: Path) -> None:
        """Write an experiment's report into a file."""
        from evaluator.report.page import report

        html = report(self._workspace, lifecycle.find(self._workspace, experiment), measure, baseline)
        _write(path, html.encode())

    def make_share_link(self, experiment: str | None, part: str, days: int, **choices: str | None) -> Record:
        """Make a link with which anybody sees a part of an experiment: id, path and expires_at."""
        row = lifecycle.find(self._workspace, experiment)
        given = {name: value for name, value in choices.items() if value is not None}
        made = share_links.make(self._workspace, row, cast("Part", part), given, days)
        return {"id": made.id, "path": f"/{made.path}", "expires_at": made.expires_at.isoformat()}

    def share_links(self) -> list[Record]:
        """The share links of the project."""
        return [share_links.link_record(*link) for link in share_links.links(self._workspace)]

    def revoke_share_link(self, id_: str) -> None:
        """Revoke a share link."""
        share_links.revoke(self._workspace, id_)

    def figure(self, experiment: str | None, name: str, kind: str, path: Path, **options: str | None) -> None:
        """Write one of an experiment's figures into a file."""
        from evaluator.report.figures import FigureOptions, figure

        row = lifecycle.find(self._workspace, experiment)
        choices = FigureOptions(**options)  # type: ignore[arg-type]
        _write(path, figure(self._workspace, row, name, choices, cast("Image", kind)))

    def export(self, experiment: str | None, format_: str, folder: Path) -> list[Path]:
        """Write an experiment's results into a folder; returns the files written."""
        from evaluator.analysis.export import export

        row = lifecycle.find(self._workspace, experiment)
        with for_people():
            return export(self._workspace, row, cast("Format", format_), folder)

    def datasets(self) -> list[Record]:
        """All datasets, newest first."""
        return [dataset_record(row, local=True) for row in catalog.all_datasets(self._workspace)]

    def dataset(self, name: str) -> Record:
        """A dataset with its history and its relations."""
        row = catalog.find(self._workspace, name)
        return dataset_details(
            row,
            catalog.versions(self._workspace, row.id),
            catalog.used_by(self._workspace, row.id),
            catalog.siblings(self._workspace, row),
            catalog.provenance(self._workspace, row),
            local=True,
        )

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
        row = register(self._workspace, name, fingerprint, source, description, tags, provenance, adds_to)
        return dataset_record(row, local=True)

    def add_queries(self, name: str, queries: Sequence[Record], note: str = "") -> Record:
        """Add queries to a dataset."""
        row = catalog.find(self._workspace, name)
        added = add(self._workspace, row.id, [NewQuery(**query) for query in queries], note)
        return added_record(added, local=True)

    def delete_dataset(self, name: str) -> None:
        """Delete a dataset with all of its versions."""
        catalog.remove(self._workspace, name)

    def export_dataset(self, name: str, path: Path) -> None:
        """Write a dataset into a file, as a zip in BEIR's format."""
        from evaluator.library.download import export_beir

        with for_people():
            export_beir(self._workspace, catalog.find(self._workspace, name), path)

    def backup(self, path: Path, vectors: bool, on_progress: Callable[[int, int], None]) -> None:
        """Write a backup of the instance into a file."""
        from evaluator.operations.backup.writing import prepare, save

        backup = prepare(self._workspace, vectors=vectors)
        save(path, backup.chunks(), backup.size, on_progress)

    def vectors(self) -> list[Record]:
        """The stored vectors of each encoder."""
        return [vector_storage.vectors_record(row) for row in vector_storage.vectors(self._workspace)]

    def prune_vectors(self, limit: int | None, encoders: Sequence[str]) -> list[Record]:
        """Drop encoders' vectors; returns what was dropped."""
        dropped = vector_storage.prune(self._workspace, limit, encoders)
        return [vector_storage.vectors_record(row) for row in dropped]

    def dead_letters(self) -> Record:
        """The dead letters: results that could not be recorded."""
        queued = dead_letters.with_queue(self._workspace)
        return dead_letters.dead_letters_record(
            dead_letters.count_dead_letters(queued), dead_letters.dead_letters(queued)
        )

    def drop_dead_letters(self) -> int:
        """Drop the dead letters; returns how many."""
        return dead_letters.drop_dead_letters(dead_letters.with_queue(self._workspace))

    def accounts(self) -> list[Record]:
        """The accounts, by name."""
        return [records.account_record(each) for each in accounts.members(self._workspace)]

    def add_admin(self, name: str, password: str) -> Record:
        """Make an account that administers the instance."""
        return records.account_record(accounts.add_admin(self._workspace, name, password))

    def invite(self, name: str, role: str | None, *, is_admin: bool) -> Record:
        """A one-time link with which somebody joins."""
        given = None if role is None else Role(role)
        return records.invitation_record(accounts.invite(self._workspace, name, given, is_admin=is_admin))

    def reset_account(self, name: str) -> Record:
        """A one-time link with which somebody chooses a new password."""
        return records.invitation_record(accounts.reset(self._workspace, name))

    def change_account(self, name: str, changes: Record) -> Record:
        """Change an account's `role`, `is_admin` or `is_closed`."""
        return records.change_account(self._workspace, name, changes)

    def projects(self) -> list[Record]:
        """The projects that one may see: name and role."""
        return [dict(record) for record in projects.records(self._workspace)]

    def add_project(self, name: str) -> None:
        """Make a project."""
        projects.add(self._workspace, name)

    def project(self, name: str) -> Record:
        """What a project uses, and may use."""
        return quotas.record(self._workspace, name)

    def change_project(self, name: str, changes: Record) -> Record:
        """Change a project's `storage`, `running` or `usd_a_month`; returns what it uses and may use."""
        quotas.change_limits(self._workspace, name, changes)
        return self.project(name)

    def remove_project(self, name: str) -> None:
        """Remove a project without datasets."""
        projects.remove(self._workspace, name)


def _write(path: Path, content: bytes) -> None:
    with for_people(), whole_file(path) as file:
        file.write(content)
