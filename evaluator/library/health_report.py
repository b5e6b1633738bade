"""The health report of a stored dataset."""

from __future__ import annotations

from evaluator.datasets.health.report import HealthReport, examine_stored
from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.library.token_counters import token_counters
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

REPORTS = Kind("health reports", 16)


def health(workspace: Workspace, row: DatasetRow) -> HealthReport:
    """The report on a dataset's newest version; the whole corpus is read for it, once."""
    return workspace.memory.get(
        REPORTS,
        row.manifest.fingerprint,
        lambda: examine_stored(catalog.load(workspace, row), token_counters()),
    )
