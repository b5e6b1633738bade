"""Cranfield with MiniLM: the numbers that anyone can check with ir_measures."""

from __future__ import annotations

from pathlib import Path

import ir_measures
import pytest

from evaluator.domain.measures import parse_measure
from tests.integration.conftest import Cli, experiment_yaml, json_output

pytestmark = pytest.mark.model

EXPECTED = {"nDCG@10": 0.3536, "RR@10": 0.5380, "R@100": 0.7724, "AP@100": 0.3208}
"""all-MiniLM-L6-v2 in float32, exact cosine search."""


def test_minilm_on_cranfield(cli: Cli, cranfield: Path, tmp_path: Path) -> None:
    variants = {
        "bm25": {"bm25": {}},
        "minilm": {"dense": {"encoder": "sentence-transformers/all-MiniLM-L6-v2"}},
        "hybrid": {"fuse": {"of": ["bm25", "minilm"]}},
    }
    file = tmp_path / "cranfield.yaml"
    file.write_text(experiment_yaml(cranfield, variants, name="cranfield", measures=list(EXPECTED)))
    board = json_output(cli("run", file, "--json"))
    minilm = next(row for row in board["variants"] if row["variant"] == "minilm")
    assert {name: round(minilm[name], 4) for name in EXPECTED} == EXPECTED
    assert [row["variant"] for row in board["variants"]] == ["hybrid", "minilm", "bm25"]
    assert board["compared"] == 225

    assert cli("export", "cranfield", "--format", "trec", "-o", "out").returncode == 0
    for row in board["variants"]:
        run = ir_measures.read_trec_run(str(tmp_path / "out" / f"{row['variant']}.run"))
        qrels = ir_measures.read_trec_qrels(str(tmp_path / "out" / "qrels.txt"))
        measures = {parse_measure(name): name for name in EXPECTED}
        recomputed = ir_measures.calc_aggregate(list(measures), qrels, run)
        for measure, name in measures.items():
            assert recomputed[measure] == pytest.approx(row[name], abs=1e-12), (row["variant"], name)
