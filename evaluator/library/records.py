"""Records of datasets, as plain JSON types; the API and `--json` on the command line use the same records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluator.domain.dataset import Provenance
from evaluator.domain.names import without_folder
from evaluator.domain.records import DatasetRow, DatasetVersion, ExperimentRow
from evaluator.library.queries import Added


def added_record(added: Added, *, local: bool = False) -> dict[str, Any]:
    """The record of queries that were added: the dataset, the ids of all given queries, and how many are new."""
    return {"dataset": dataset_record(added.row, local=local), "ids": list(added.ids), "added": added.n_new}


def dataset_record(row: DatasetRow, *, local: bool = False) -> dict[str, Any]:
    """The record of a dataset.

    Args:
        row: the dataset.
        local: whether the record stays on this machine, so that it may contain the path of the dataset's source.
    """
    manifest = row.manifest
    return {
        "name": row.name,
        "description": row.description,
        "tags": list(row.tags),
        "version": row.version,
        "fingerprint": manifest.fingerprint,
        "parts": {"corpus": manifest.corpus, "queries": manifest.queries, "qrels": manifest.qrels},
        "exclude_self": manifest.exclude_self,
        "documents": manifest.n_documents,
        "queries": manifest.n_queries,
        "judgments": manifest.n_judgments,
        "source": row.source if local else without_folder(row.source),
        "imported_at": row.imported_at.isoformat(),
        "runs": [run.name for run in manifest.runs],
        "notes": [
            {"code": note.code, "count": note.count, "message": note.message} for note in manifest.notes
        ],
    }


def dataset_details(
    row: DatasetRow,
    versions: Sequence[DatasetVersion],
    used_by: Sequence[ExperimentRow],
    siblings: Sequence[DatasetRow],
    provenance: tuple[int, Provenance] | None,
    *,
    local: bool = False,
) -> dict[str, Any]:
    """The record of a dataset with its versions, provenance, experiments and siblings.

    Args:
        provenance: the version for which it is recorded last, and what is recorded.
        local: as for `dataset_record`.
    """
    return {
        **dataset_record(row, local=local),
        "provenance": provenance and {"version_imported": provenance[0], **provenance[1].to_json()},
        "versions": [
            {
                "version": version.version,
                "fingerprint": version.manifest.fingerprint,
                "change": version.change,
                "source": version.source if local else without_folder(version.source),
                "created_at": version.created_at.isoformat(),
            }
            for version in versions
        ],
        "used_by": [{"id": experiment.id, "name": experiment.name} for experiment in used_by],
        "siblings": [sibling.name for sibling in siblings],
    }
