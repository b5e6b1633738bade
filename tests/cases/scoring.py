"""Scores an example as workers do, without a queue."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import NamedTuple, NoReturn

import yaml

from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.variant import Variant
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.library import catalog
from evaluator.library.remarks import remarks
from evaluator.retrieval.pipeline import Opening, open_variant
from evaluator.retrieval.search.indexes import Sources, build_index
from evaluator.retrieval.search.queries import StoredQueries
from evaluator.workspace.workspace import Workspace
from tests.cases.case import Scored
from tests.shapes.writing import write


class Board(NamedTuple):
    """What a person sees: means by variant and measure, to four decimals, and remarks beside them."""

    means: dict[str, dict[str, float]]
    remarks: tuple[str, ...]


def board(example: Scored, folder: Path, library: Workspace) -> Board:
    """Import an example's files and score its variants."""
    row = catalog.import_folder(library, write(folder, example.files), "example")
    measures = list({name: None for means in example.means.values() for name in means})
    described = {
        "name": "example",
        "dataset": "example",
        "measures": measures,
        "variants": [
            {"name": name, "retrieve": yaml.safe_load(retrieve)}
            for name, retrieve in example.variants.items()
        ],
    }
    experiment = parse_experiment(yaml.safe_dump(described))
    spec = lifecycle.resolve_spec(library, experiment, row, allow_paths=False)
    sources = Sources(spec, catalog.load(library, row), library.store)
    means = {variant.name: _means(variant, sources) for variant in spec.variants}
    return Board(means, remarks(library, spec))


def _means(variant: Variant, sources: Sources) -> dict[str, float]:
    spec, dataset = sources.spec, sources.dataset
    for stage in variant.stages():
        build_index(stage, sources)
    queries = StoredQueries(spec, dataset, sources.store)
    found = open_variant(variant, Opening(sources, queries, _no_model)).search(
        range(len(queries.ids)), spec.depth
    )
    scores = score_queries(dict(zip(queries.ids, found, strict=True)), dataset.qrels, spec.measures)
    return {name: round(fmean(values[name] for values in scores.values()), 4) for name in spec.measures}


def _no_model(stage: object) -> NoReturn:
    raise AssertionError(f"{stage} needs a model")
