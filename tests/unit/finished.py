"""Experiments that have finished, without having run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.library import catalog
from evaluator.store import results
from evaluator.workspace.workspace import Workspace
from tests.recorded import begin


def described(dataset: str, variants: Sequence[str] = ("bm25",), name: str = "look") -> str:
    """An experiment file's text."""
    lines = [f"name: {name}", f"dataset: {dataset}", "measures: [nDCG@10, RR@10]", "variants:"]
    retrievers = (f"{{bm25: {{k1: {place + 1}}}}}" for place in range(len(variants)))
    lines += [
        f"  - {{name: {variant}, retrieve: {retrieve}}}"
        for variant, retrieve in zip(variants, retrievers, strict=True)
    ]
    return "\n".join(lines)


def submitted(
    workspace: Workspace, dataset: str, variants: Sequence[str] = ("bm25",), name: str = "look"
) -> ExperimentSpec:
    """Record that an experiment is submitted; nothing is enqueued."""
    row = catalog.find(workspace, dataset)
    experiment = parse_experiment(described(dataset, variants, name))
    spec = lifecycle.resolve_spec(workspace, experiment, row, allow_paths=False)
    begin(workspace.database, spec, row.name, row.manifest.n_queries)
    return spec


def finished(
    workspace: Workspace,
    dataset: str,
    rankings: Mapping[str, Mapping[str, Sequence[str]]],
    failed: Sequence[str] = (),
    name: str = "look",
) -> ExperimentSpec:
    """Record an experiment with the given lists, by variant and query, scored as workers do.

    Args:
        failed: queries that failed under every variant.
    """
    spec = submitted(workspace, dataset, list(rankings), name)
    qrels = catalog.load(workspace, catalog.find(workspace, dataset)).qrels
    for variant, lists in rankings.items():
        ranked = {
            query_id: Ranking(tuple(doc_ids), tuple(float(len(doc_ids) - n) for n in range(len(doc_ids))))
            for query_id, doc_ids in lists.items()
        }
        measures = score_queries(ranked, qrels, spec.measures)
        rows = [
            QueryResult(spec.id, variant, query_id, ranking, measures[query_id], 0.25)
            for query_id, ranking in ranked.items()
        ]
        rows += [QueryResult(spec.id, variant, query_id, error="ValueError: no") for query_id in failed]
        results.record(workspace.database, rows)
    return spec
