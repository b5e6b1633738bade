"""Experiment files with mistakes: every problem with its line, its path and what to do."""

from __future__ import annotations

import pytest

from tests.unit.experiments.experiment_texts import SMALLEST, problem, problems, with_field, with_variants

FIELDS = "name, dataset, variants, matrix, measures, queries_per_job, endpoints, budget"


# --- what is not ---


def test_every_problem_is_listed_with_its_line_and_path() -> None:
    text = """\
name: x
dataset:
measures: [ndcg@10, AP, [RR]]
queries_per_job: often
topk: 10
variants:
  - name: words
    retrieve:
      bm25: {k1: "0.9", b: 2, stop_words: englsh, stopwords: none}
  - retrieve: {dense: {precision: float8}}
  - {name: ../x, retrieve: {bm25: {}}}
"""
    assert problems(text) == [
        "2: dataset: an empty value is not text",
        "3: measures[2]: a list of 1 is not text",
        "3: measures[0]: 'ndcg@10' is not a measure; did you mean nDCG@10?",
        "4: queries_per_job: 'often' is not auto or a whole number",
        f"5: topk: unknown field (fields here: {FIELDS})",
        "9: variants[0].retrieve.bm25.k1: '0.9' is not a number",
        "9: variants[0].retrieve.bm25.b: 2 is not at most 1",
        "9: variants[0].retrieve.bm25.stop_words: 'englsh' is not one of auto, none, danish, dutch, english, french, "
        "german, italian, norwegian, portuguese, russian, spanish, swedish, turkish; did you mean english?",
        "9: variants[0].retrieve.bm25.stopwords: unknown field; did you mean stop_words? "
        "(fields here: k1, b, stemmer, stop_words, chunk, tokenizer)",
        "10: variants[1].retrieve.dense.precision: 'float8' is not one of float32, float16, bfloat16; "
        "did you mean float32?",
        "10: variants[1].retrieve.dense.encoder: is missing",
        "10: variants[1].name: is missing",
        "11: variants[2]: '../x' cannot name a variant, because it also names a file: only letters, digits, spaces "
        "and . _ + -, no dot at the start, no space at either end",
    ]


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_refused_with_the_required_fields(text: str) -> None:
    assert problem(text) == "1: the file is empty; an experiment needs name, dataset, variants"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\ndataset: a: b", "2: column 11: not YAML: mapping values are not allowed here"),
        (
            "name: [1, 2",
            "1: column 12: not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
        ),
        ("name: x\ndataset: *d", "2: column 10: not YAML: found undefined alias 'd'"),
        (
            "name: x\n---\nname: y",
            "2: column 1: not YAML: expected a single document in the stream, but found another document",
        ),
        ("name: x\ndataset: \x07", "2: not YAML: the character U+0007 is not allowed"),
    ],
)
def test_invalid_yaml_is_refused_with_its_line(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize(
    ("text", "found"), [("- a\n- b", "a list of 2"), ("just text", "'just text'"), ("7", "7")]
)
def test_a_file_that_is_no_mapping(text: str, found: str) -> None:
    assert problem(text) == f"1: {found} is not a mapping (fields: {FIELDS})"


def test_missing_fields_have_the_line_of_what_lacks_them() -> None:
    assert problem("\nname: x\n") == "2: dataset: is missing"
    assert problem("name: x\ndataset: d\n") == (
        "1: there is nothing to compare: write variants, or a matrix that stands for some"
    )
    text = "name: x\ndataset: d\nvariants:\n  - name: v\n    retrieve:\n      dense:\n        precision: float16\n"
    assert problem(text) == "6: variants[0].retrieve.dense.encoder: is missing"


def test_a_key_given_twice_is_refused_with_both_lines() -> None:
    assert problem("name: x\n" + SMALLEST) == "2: name: given twice, first on line 1"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("queries_per_job: 0", "6: queries_per_job: 0 is not auto or at least 1"),
        ("queries_per_job: 1.5", "6: queries_per_job: 1.5 is not auto or a whole number"),
        ("queries_per_job: '8'", "6: queries_per_job: '8' is not auto or a whole number"),
        ("queries_per_job: yes", "6: queries_per_job: yes is not auto or a whole number"),
        ("queries_per_job: {}", "6: queries_per_job: a mapping is not auto or a whole number"),
        ("measures: []", "6: measures: a list of 0 is not a list of 1 or more"),
        ("measures: nDCG@10", "6: measures: 'nDCG@10' is not a list"),
        ("measures:", "6: measures: an empty value is not a list"),
        ("measures: [nDCG@0]", "6: measures[0]: 'nDCG@0' needs a cutoff from 1 to 10000, such as @10"),
        ("measure: [AP]", "6: measure: unknown field; did you mean measures?"),
        ("<<: {name: y}", "6: '<<': unknown field"),
        ("? [a, b]\n: c", "6: 'a list of 2': unknown field"),
    ],
)
def test_fields_of_the_experiment(field: str, message: str) -> None:
    assert problem(with_field(field)).startswith(message)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (
            "{name: v, retrieve: bm25}",
            "retrieve: 'bm25' is not a mapping (fields: bm25, dense, sparse, late, run, fuse)",
        ),
        (
            "{name: v, retrieve: {}}",
            "retrieve: exactly one of bm25, dense, sparse, late, run, fuse is needed, and here is none "
            "(bm25 with its defaults is written bm25: {})",
        ),
        (
            "{name: v, retrieve: {bm25: {}, dense: {encoder: e}}}",
            "retrieve: exactly one of bm25, dense, sparse, late, run, fuse is needed, and here is bm25 and dense",
        ),
        ("{name: v, retrieve: {bm26: {}}}", "retrieve.bm26: unknown field; did you mean bm25?"),
        ("{name: v, retrieve: {bm25: {k1: .nan}}}", "retrieve.bm25.k1: .nan cannot be used as a number"),
        ("{name: v, retrieve: {bm25: {k1: .inf}}}", "retrieve.bm25.k1: .inf cannot be used as a number"),
        ("{name: v, retrieve: {bm25: {k1: -1}}}", "retrieve.bm25.k1: -1 is not at least 0"),
        ("{name: v, retrieve: {bm25: {k1: !!int x}}}", "retrieve.bm25.k1: x cannot be used as a number"),
        ("{name: v, retrieve: {bm25: {k1: 1e3}}}", "retrieve.bm25.k1: '1e3' is not a number"),
        (
            '{name: v, retrieve: {dense: {encoder: "\\ud83d"}}}',
            "retrieve.dense.encoder: '\\ud83d' cannot be used",
        ),
        (
            "{name: v, retrieve: {dense: {encoder: ''}}}",
            "retrieve.dense.encoder: '' is not text of 1 or more",
        ),
        (
            "{name: v, retrieve: {fuse: {of: [a]}}}",
            "retrieve.fuse.of: a list of 1 is not a list of 2 or more",
        ),
        (
            "{name: v, retrieve: {fuse: {of: [a, [b]]}}}",
            "retrieve.fuse.of[1]: a list of 1 is not text or a mapping",
        ),
        (
            "{name: v, retrieve: {fuse: {of: [v2, {dense: {}}]}}}",
            "retrieve.fuse.of[1].dense.encoder: is missing",
        ),
        ("{name: v, retrieve: {fuse: {of: [a, b], k: 0}}}", "retrieve.fuse.k: 0 is not above 0"),
        (
            "{name: v, retrieve: {fuse: {of: [a, b], depth: 1.5}}}",
            "retrieve.fuse.depth: 1.5 is not a whole number",
        ),
        (
            "{name: v, retrieve: {fuse: {of: [a, b], method: sum}}}",
            "retrieve.fuse.method: 'sum' is not one of rrf, weighted",
        ),
    ],
)
def test_fields_of_a_variant(variant: str, message: str) -> None:
    assert problem(with_variants(variant)).startswith(f"4: variants[0].{message}")


@pytest.mark.parametrize("name", ["''", "'a/b'", ".a", "'a '", "ä", "x" * 81, '"a\\nb"'])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    assert problem(with_variants(f"{{name: {name}, retrieve: {{bm25: {{}}}}}}")).startswith("4: variants[0]")


def test_two_variants_of_one_name() -> None:
    text = with_variants("{name: a, retrieve: {bm25: {}}}", "{name: a, retrieve: {bm25: {k1: 2}}}")
    assert problem(text) == "5: variants[1].name: 'a' is the name of another variant already"


def test_names_in_fusions_that_no_variant_has() -> None:
    text = with_variants(
        "{name: words, retrieve: {bm25: {}}}",
        "{name: f, retrieve: {fuse: {of: [word, {fuse: {of: [words, x]}}]}}}",
    )
    assert problems(text) == [
        "5: variants[1].retrieve.fuse.of[0]: no variant is called 'word'; did you mean words? (variants: words, f)",
        "5: variants[1].retrieve.fuse.of[1].fuse.of[1]: no variant is called 'x' (variants: words, f)",
    ]


def test_fusions_that_lead_back_to_themselves() -> None:
    text = with_variants(
        "{name: a, retrieve: {fuse: {of: [b, c]}}}",
        "{name: b, retrieve: {fuse: {of: [a, c]}}}",
        "{name: c, retrieve: {bm25: {}}}",
    )
    assert problems(text) == [
        "4: variants[0].retrieve: 'b' fuses 'a', which leads back to itself: a > b > a",
        "5: variants[1].retrieve: 'a' fuses 'b', which leads back to itself: b > a > b",
    ]
