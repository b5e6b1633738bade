"""Experiments and results for tests of the store."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.store.file.database import Database
from tests.recorded import begin


def save(
    database: Database, variants: Sequence[str] = ("bm25",), n_queries: int = 3, name: str = "toy"
) -> str:
    """Submit an experiment; returns its id."""
    spec = spec_of(name, variants)
    begin(database, spec, "a dataset", n_queries)
    return spec.id


def spec_of(name: str, variants: Sequence[str] = ("bm25",)) -> ExperimentSpec:
    """An experiment of variants that search words."""
    return ExperimentSpec(
        name=name,
        dataset="d1",
        corpus="c1",
        queries="q1",
        qrels="r1",
        exclude_self=False,
        variants=tuple(
            Variant(variant, Retrieve(bm25=BM25(k1=place))) for place, variant in enumerate(variants)
        ),
        encoders={},
        measures=("nDCG@10",),
        depth=100,
    )


def scored(experiment: str, query_id: str, value: float, variant: str = "bm25") -> QueryResult:
    """A query that succeeded."""
    measures = {"nDCG@10": value, "Judged@10": 0.5}
    return QueryResult(experiment, variant, query_id, Ranking(("d2", "d1"), (2.0, 0.5)), measures, 0.25)


def unscored(experiment: str, query_id: str, variant: str = "bm25") -> QueryResult:
    """A query without a relevant document."""
    return QueryResult(experiment, variant, query_id, Ranking(("d1",), (1.0,)), {}, 0.25)


def failed(experiment: str, query_id: str, variant: str = "bm25", error: str = "broken") -> QueryResult:
    """A query that failed."""
    return QueryResult(experiment, variant, query_id, error=error)


def ranked(experiment: str, query_ids: Sequence[str]) -> list[QueryResult]:
    """Results with rankings of 100 documents, about 2.5 kB each; every one tells its query by its first document."""
    rest = tuple(f"document-{number:08}" for number in range(99))
    scores = tuple(float(100 - place) for place in range(100))
    return [
        QueryResult(experiment, "bm25", query_id, Ranking((query_id, *rest), scores), {"nDCG@10": 0.5}, 0.1)
        for query_id in query_ids
    ]


def numbered(start: int, stop: int) -> list[str]:
    """Ids of queries."""
    return [f"q{number:05}" for number in range(start, stop)]
