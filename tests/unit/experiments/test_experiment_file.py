"""Experiment files: what is valid, and for everything else a message with its line and the way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluator.domain.experiment import Experiment
from evaluator.domain.measures.scoring import DEFAULT_MEASURES
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant
from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment, read_experiment
from tests.unit.experiments.experiment_texts import (
    FIRST_LOOK,
    MINILM,
    SMALLEST,
    problem,
    with_field,
    with_variants,
)

# --- what is valid ---


def test_an_experiment_file_becomes_an_experiment() -> None:
    words, vectors = (
        Retrieve(bm25=BM25.written(k1=0.9, b=0.4, stemmer="english")),
        Retrieve(dense=Dense(MINILM)),
    )
    assert parse_experiment(FIRST_LOOK) == Experiment(
        name="cranfield-first-look",
        dataset="../shared/data/cranfield",
        variants=(
            Variant("bm25", words),
            Variant("minilm", vectors),
            Variant("minilm-bf16", Retrieve(dense=Dense(MINILM, "bfloat16"))),
            Variant("hybrid", Retrieve(fuse=Fuse(of=(words, vectors), method="rrf", k=60))),
        ),
        measures=("nDCG@10", "RR@10", "R@100", "AP@100"),
        queries_per_job="auto",
    )


def test_what_is_left_out_has_its_default() -> None:
    experiment = parse_experiment(SMALLEST)
    assert (experiment.measures, experiment.queries_per_job) == (DEFAULT_MEASURES, "auto")
    assert experiment.variants == (Variant("words", Retrieve(bm25=BM25.written())),)


def test_bm25_finds_words_by_the_newest_tokenizer_and_the_corpus_language_unless_it_is_written() -> None:
    text = with_variants(
        "{name: a, retrieve: {bm25: {}}}",
        "{name: b, retrieve: {bm25: {stemmer: none, tokenizer: }}}",
        "{name: c, retrieve: {bm25: {tokenizer: icu-bigrams-1, stop_words: german}}}",
        "{name: d, retrieve: {bm25: {tokenizer: regex}}}",
        "{name: e, retrieve: {bm25: {tokenizer: regex, stemmer: auto}}}",
    )
    assert [variant.retrieve.stage for variant in parse_experiment(text).variants] == [
        BM25(stemmer="auto", stop_words="auto", tokenizer="icu-1"),
        BM25(stemmer="none", stop_words="auto", tokenizer="icu-1"),
        BM25(stemmer="auto", stop_words="german", tokenizer="icu-bigrams-1"),
        BM25(
            stemmer="english", stop_words="english", tokenizer=None
        ),  # as an earlier version read `bm25: {}`
        BM25(stemmer="auto", stop_words="english", tokenizer=None),
    ]


def test_measures_become_canonical() -> None:
    assert parse_experiment(with_field("measures: [MRR@10, RR@10, 'AP(rel=1)']")).measures == ("RR@10", "AP")


def test_whole_numbers_are_good_where_any_number_is() -> None:
    bm25 = (
        parse_experiment(with_variants("{name: w, retrieve: {bm25: {k1: 1, b: 0}}}"))
        .variants[0]
        .retrieve.bm25
    )
    assert bm25 == BM25.written(k1=1.0, b=0.0)
    assert bm25 is not None
    assert isinstance(bm25.k1, float)


@pytest.mark.parametrize("name", ["2024", "1.10", "2024-05-01", "no", "0x1F"])
def test_text_that_yaml_takes_for_something_else_is_the_text_that_was_written(name: str) -> None:
    experiment = parse_experiment(f"name: {name}\n" + SMALLEST.split("\n", 1)[1])
    assert experiment.name == name


def test_variants_may_be_called_by_numbers() -> None:
    text = with_variants(
        "{name: 1, retrieve: {bm25: {}}}",
        "{name: 2, retrieve: {dense: {encoder: e}}}",
        "{name: 3, retrieve: {fuse: {of: [1, 2]}}}",
    )
    assert parse_experiment(text).variants[2].retrieve.fuse == Fuse(
        of=(Retrieve(bm25=BM25.written()), Retrieve(dense=Dense("e")))
    )


def test_pipelines_can_be_fused_in_place() -> None:
    text = with_variants(
        "{name: f, retrieve: {fuse: {of: [{bm25: {}}, {fuse: {of: [{bm25: {k1: 2}}, {bm25: {}}]}}]}}}"
    )
    inner = Retrieve(fuse=Fuse(of=(Retrieve(bm25=BM25.written(k1=2)), Retrieve(bm25=BM25.written()))))
    assert parse_experiment(text).variants[0].retrieve == Retrieve(
        fuse=Fuse(of=(Retrieve(bm25=BM25.written()), inner))
    )


def test_anchors_and_aliases_are_good() -> None:
    text = with_variants("{name: a, retrieve: &words {bm25: {k1: 2}}}", "{name: b, retrieve: *words}")
    a, b = parse_experiment(text).variants
    assert a.retrieve == b.retrieve == Retrieve(bm25=BM25.written(k1=2))


def test_json_is_good_too_and_null_is_absent() -> None:
    text = (
        '{"name": "x", "dataset": "d", "variants": [{"name": "a", "retrieve": {"bm25": {}, "dense": null}}]}'
    )
    assert parse_experiment(text).variants == (Variant("a", Retrieve(bm25=BM25.written())),)


# --- files ---


def test_a_file_is_read_as_utf8_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "look.yaml"
    for encoding in ("utf-8", "utf-8-sig"):
        path.write_text(SMALLEST.replace("cranfield", "größe"), encoding=encoding)
        assert read_experiment(path).dataset == "größe"


def test_messages_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "look.yaml"
    path.write_text("name: x\nvariants: []\n")
    with pytest.raises(ExperimentFileError, match=re.escape(f"{path}:1: dataset: is missing")):
        read_experiment(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ExperimentFileError, match=r"nothing\.yaml: cannot be read: No such file"):
        read_experiment(tmp_path / "nothing.yaml")
    with pytest.raises(ExperimentFileError, match="cannot be read: Is a directory"):
        read_experiment(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: x\ndataset: gr\xf6\xdfe\n")
    with pytest.raises(ExperimentFileError, match=r"latin\.yaml:2: is not UTF-8"):
        read_experiment(latin)


MATRIX = """\
name: x
dataset: d
matrix:
  encoders: [org/e5, minilm]
  retrieve: [dense, hybrid]
  chunks: [none, {by: sentences, size: 64}]
"""


def test_a_matrix_becomes_its_variants() -> None:
    experiment = parse_experiment(MATRIX)
    assert experiment.matrix is None
    assert [variant.name for variant in experiment.variants] == [
        "e5", "minilm", "e5 sentences-64", "minilm sentences-64",
        "e5 + bm25", "minilm + bm25", "e5 + bm25 sentences-64", "minilm + bm25 sentences-64",
    ]  # fmt: skip


def test_variants_may_fuse_those_of_the_matrix() -> None:
    fused = "variants: [{name: both, retrieve: {fuse: {of: [e5, minilm]}}}]\n"
    both = parse_experiment(MATRIX + fused).variants[0].retrieve
    assert [leaf.encoder for leaf in both.leaves() if isinstance(leaf, Dense)] == ["org/e5", "minilm"]


def test_the_matrix_leaves_names_to_those_that_are_written_out() -> None:
    written = "{name: e5, retrieve: {bm25: {}}}, {name: both, retrieve: {fuse: {of: [e5, e5 2]}}}"
    experiment = parse_experiment(f"{MATRIX}variants: [{written}]\n")
    assert [variant.name for variant in experiment.variants][:4] == ["e5", "both", "e5 2", "minilm"]
    words, vectors = experiment.variants[1].retrieve.leaves()
    assert (words, vectors) == (BM25.written(), Dense("org/e5"))


def test_a_name_that_is_written_twice_is_refused_beside_a_matrix_too() -> None:
    twice = "[{name: e5, retrieve: {bm25: {}}}, {name: e5, retrieve: {bm25: {k1: 2}}}]"
    assert problem(f"{MATRIX}variants: {twice}\n") == (
        "7: variants[1].name: 'e5' is the name of another variant already"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("encoders: []", "4: matrix.encoders: a list of 0 is not a list of 1 or more"),
        (
            "encoders: [a]\n  retrieve: [sparse]",
            "5: matrix.retrieve[0]: 'sparse' is not one of bm25, dense, hybrid",
        ),
        ("encoders: [a]\n  chunks: [{size: 8, overlap: 8}]", "the overlap 8 must be smaller than the size 8"),
    ],
)
def test_what_a_matrix_cannot_be(line: str, message: str) -> None:
    assert message in problem(f"name: x\ndataset: d\nmatrix:\n  {line}\n")
