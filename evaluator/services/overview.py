"""Experiments as lists and descriptions show them: how far, what failed, and the file they came from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import yaml

from evaluator.services.workspace import Workspace
from evaluator.store import catalog, results
from evaluator.store.catalog import ExperimentRow


@dataclass(frozen=True)
class Overview:
    """An experiment at a glance.

    Attributes:
        done: queries over all variants that are recorded; all of a broken variant's count.
        failed: queries among them that failed.
        total: queries over all variants.
        broken: variants that cannot work at all.
    """

    experiment: ExperimentRow
    done: int
    failed: int
    total: int
    broken: int

    @property
    def seconds(self) -> float | None:
        """Seconds since it was last submitted until it finished or now; None if it was cancelled."""
        if self.experiment.status == "cancelled":
            return None
        end = self.experiment.finished_at or datetime.now(UTC).replace(tzinfo=None)
        return max(0.0, (end - self.experiment.started_at).total_seconds())


def overview(workspace: Workspace, row: ExperimentRow) -> Overview:
    """An experiment at a glance, from what is recorded."""
    counts = results.recorded_counts(workspace.database, row.id)
    return Overview(
        experiment=row,
        done=sum(row.n_queries if variant.error else variant.recorded for variant in counts),
        failed=sum(variant.failed for variant in counts),
        total=row.n_queries * len(counts),
        broken=sum(variant.error is not None for variant in counts),
    )


def refreshed(workspace: Workspace, row: ExperimentRow) -> ExperimentRow:
    """The same experiment as it is now."""
    return catalog.experiment(workspace.database, row.id)


def failures(workspace: Workspace, row: ExperimentRow) -> pd.DataFrame:
    """Queries that failed. Columns: variant, query_id, error."""
    return results.failures(workspace.database, row.id)


def experiment_yaml(row: ExperimentRow) -> str:
    """An experiment file that describes the same experiment; fusions name no variant but spell out their parts."""
    spec = row.spec
    record = {
        "name": spec.name,
        "dataset": row.dataset,
        "measures": list(spec.measures),
        "queries_per_job": spec.queries_per_job,
        "variants": [
            {"name": variant.name, **json.loads(variant.pipeline_json)} for variant in spec.variants
        ],
    }
    text: str = yaml.safe_dump(
        record, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )
    return text
