"""The demo: five variants over the documentation of Python's standard library."""

from __future__ import annotations

from evaluator.datasets.demo import DEMO_DATASET
from evaluator.domain.experiment import Experiment
from evaluator.experiments.file_reader import parse_experiment

DEMO_EXPERIMENT = f"""\
name: demo
dataset: {DEMO_DATASET}
measures: [nDCG@10, RR@10, R@100]
variants:
  - name: bm25
    retrieve: {{bm25: {{k1: 0.9, b: 0.4, stemmer: english}}}}
  - name: minilm
    retrieve: {{dense: {{encoder: sentence-transformers/all-MiniLM-L6-v2}}}}
  - name: static
    retrieve: {{dense: {{encoder: "distilled:sentence-transformers/all-MiniLM-L6-v2"}}}}
  - name: minilm + bm25
    retrieve: {{fuse: {{of: [minilm, bm25], method: rrf, k: 60}}}}
  - name: static + bm25
    retrieve: {{fuse: {{of: [static, bm25], method: rrf, k: 60}}}}
"""


def demo_experiment() -> Experiment:
    """The demo's experiment."""
    return parse_experiment(DEMO_EXPERIMENT, "demo.yaml")
