"""The health report of a stored dataset."""

from __future__ import annotations

from evaluator.datasets.health.report import HealthReport, examine_stored
from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.library.token_counters import token_counters
from evaluator.workspace.workspace import Workspace


def health(workspace: Workspace, row: DatasetRow) -> HealthReport:
    """The report on a dataset's newest version; this reads the whole corpus."""
    return examine_stored(catalog.load(workspace, row), token_counters())
