"""Texts of experiment files for tests, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment

MINILM = "sentence-transformers/all-MiniLM-L6-v2"

FIRST_LOOK = f"""\
name: cranfield-first-look
dataset: ../shared/data/cranfield          # a path, or the name of an imported dataset
measures: [nDCG@10, RR@10, R@100, AP@100]  # anything ir-measures parses
queries_per_job: auto                      # 1 = one job per query
variants:
  - {{name: bm25,    retrieve: {{bm25: {{k1: 0.9, b: 0.4, stemmer: english}}}}}}
  - {{name: minilm,  retrieve: {{dense: {{encoder: {MINILM}}}}}}}
  - {{name: minilm-bf16, retrieve: {{dense: {{encoder: {MINILM}, precision: bfloat16}}}}}}
  - {{name: hybrid,  retrieve: {{fuse: {{of: [bm25, minilm], method: rrf, k: 60}}}}}}
"""

SMALLEST = """\
name: smallest
dataset: cranfield
variants:
  - name: words
    retrieve: {bm25: {}}
"""


def problems(text: str) -> list[str]:
    """The lines of the refusal, each without the file's name."""
    with pytest.raises(ExperimentFileError) as refusal:
        parse_experiment(text)
    lines = str(refusal.value).split("\n")
    assert all(line.startswith("experiment.yaml:") for line in lines)
    return [line.removeprefix("experiment.yaml:") for line in lines]


def problem(text: str) -> str:
    (only,) = problems(text)
    return only


def with_variants(*variants: str) -> str:
    """An experiment file whose first variant is on line 4."""
    return "name: x\ndataset: d\nvariants:\n" + "".join(f"  - {variant}\n" for variant in variants)


def with_field(field: str) -> str:
    """An experiment file with one more field, on line 6."""
    return f"{SMALLEST}{field}\n"
