"""The health report of a stored dataset."""

from __future__ import annotations

from evaluator.datasets.health import HealthReport, examine_stored
from evaluator.services import datasets
from evaluator.services.token_counters import token_counters
from evaluator.services.workspace import Workspace
from evaluator.store.catalog import DatasetRow


def health(workspace: Workspace, row: DatasetRow) -> HealthReport:
    """The report on a dataset's newest version; the whole corpus is read for it."""
    return examine_stored(datasets.load(workspace, row), token_counters())
