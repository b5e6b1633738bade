"""Experiment files: what is valid, and for everything else a message with its line and the way out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.domain.experiment import Experiment
from evaluator.domain.measures.scoring import DEFAULT_MEASURES
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant
from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment, read_experiment
from evaluator.experiments.yaml_nodes import MAX_BYTES

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

FIELDS = "name, dataset, variants, matrix, measures, queries_per_job, endpoints, budget"


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


# --- what is valid ---


def test_an_experiment_file_becomes_an_experiment() -> None:
    words, vectors = Retrieve(bm25=BM25(0.9, 0.4, "english")), Retrieve(dense=Dense(MINILM))
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
    assert experiment.variants == (Variant("words", Retrieve(bm25=BM25())),)


def test_measures_become_canonical() -> None:
    assert parse_experiment(with_field("measures: [MRR@10, RR@10, 'AP(rel=1)']")).measures == ("RR@10", "AP")


def test_whole_numbers_are_good_where_any_number_is() -> None:
    bm25 = (
        parse_experiment(with_variants("{name: w, retrieve: {bm25: {k1: 1, b: 0}}}"))
        .variants[0]
        .retrieve.bm25
    )
    assert bm25 == BM25(k1=1.0, b=0.0)
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
        of=(Retrieve(bm25=BM25()), Retrieve(dense=Dense("e")))
    )


def test_pipelines_can_be_fused_in_place() -> None:
    text = with_variants(
        "{name: f, retrieve: {fuse: {of: [{bm25: {}}, {fuse: {of: [{bm25: {k1: 2}}, {bm25: {}}]}}]}}}"
    )
    inner = Retrieve(fuse=Fuse(of=(Retrieve(bm25=BM25(k1=2)), Retrieve(bm25=BM25()))))
    assert parse_experiment(text).variants[0].retrieve == Retrieve(
        fuse=Fuse(of=(Retrieve(bm25=BM25()), inner))
    )


def test_anchors_and_aliases_are_good() -> None:
    text = with_variants("{name: a, retrieve: &words {bm25: {k1: 2}}}", "{name: b, retrieve: *words}")
    a, b = parse_experiment(text).variants
    assert a.retrieve == b.retrieve == Retrieve(bm25=BM25(k1=2))


def test_json_is_good_too_and_null_is_absent() -> None:
    text = (
        '{"name": "x", "dataset": "d", "variants": [{"name": "a", "retrieve": {"bm25": {}, "dense": null}}]}'
    )
    assert parse_experiment(text).variants == (Variant("a", Retrieve(bm25=BM25())),)


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
      bm25: {k1: "0.9", b: 2, stemmer: englsh, stopwords: none}
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
        "9: variants[0].retrieve.bm25.stemmer: 'englsh' is not one of none, arabic, danish, dutch, english, finnish, "
        "french, german, hungarian, italian, norwegian, portuguese, romanian, russian, spanish, swedish, turkish; "
        "did you mean english?",
        "9: variants[0].retrieve.bm25.stopwords: unknown field; did you mean stop_words? "
        "(fields here: k1, b, stemmer, stop_words, chunk)",
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


# --- what is dangerous ---


@pytest.mark.parametrize(
    "value",
    ["!!python/object/apply:os.system [ls]", "!!python/name:os.system ''", "!secret x", "!!binary aGk="],
)
def test_tags_that_make_objects_are_refused(value: str) -> None:
    line = problem(with_field(f"measures: {value}"))
    assert re.fullmatch(r"6: measures: the tag '.*' is not allowed; write a plain value", line)


def test_aliases_that_multiply_are_bounded() -> None:
    doubling = ", ".join(f"&a{n} {{fuse: {{of: [*a{n - 1}, *a{n - 1}]}}}}" for n in range(1, 16))
    text = with_variants(f"{{name: f, retrieve: {{fuse: {{of: [&a0 {{bm25: {{}}}}, {doubling}]}}}}}}")
    assert problem(text) == "4: more than 50,000 values once aliases (*) are expanded"


def test_an_alias_that_contains_itself() -> None:
    text = with_variants("{name: f, retrieve: &f {fuse: {of: [*f, *f]}}}")
    assert problem(text) == "4: more than 50 levels once aliases (*) are expanded"


def test_names_that_multiply_are_bounded() -> None:
    doubling = [f"{{name: v{n}, retrieve: {{fuse: {{of: [v{n - 1}, v{n - 1}]}}}}}}" for n in range(1, 40)]
    lines = problems(with_variants("{name: v0, retrieve: {bm25: {}}}", *doubling))
    assert lines[0] == "10: variants[6].retrieve: 'v6' has more than 100 retrievers and fusions"


@pytest.mark.parametrize("text", ["[" * 20_000, "- " * 20_000, "{a: " * 2_000])
def test_deep_nesting_is_refused(text: str) -> None:
    with pytest.raises(ExperimentFileError, match="nested deeper than 50 levels"):
        parse_experiment(text)


@pytest.mark.parametrize("text", ["[" + "a," * 101_000 + "]", "{a: [" + "1," * 101_000 + "]}"])
def test_what_has_too_many_nodes_is_refused_before_any_is_kept(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, 256 kB of them took 12 s."""
    monkeypatch.setattr(yaml, "compose", None)
    with pytest.raises(ExperimentFileError, match="more than 100,000 keys and values"):
        parse_experiment(text)


def test_a_large_file_with_an_error_is_not_parsed_by_the_slow_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    loaders: list[object] = []
    parse = yaml.parse

    def noting(text: str, Loader: Any) -> object:
        loaders.append(Loader)
        return parse(text, Loader)

    monkeypatch.setattr(yaml, "parse", noting)
    for size in (10, 30_000):
        with pytest.raises(ExperimentFileError, match=r"not YAML: while parsing a flow sequence"):
            parse_experiment("[" + "a, " * size + "a")
    assert loaders == [yaml.CSafeLoader, yaml.SafeLoader, yaml.CSafeLoader]


def test_only_so_many_problems_are_put_into_words() -> None:
    """Before, the answer to 25,000 unknown fields had 3.6 MB."""
    lines = problems(SMALLEST + "".join(f"field{n}: 1\n" for n in range(10_000)))
    assert len(lines) == 101
    assert lines[0].startswith("6: field0: unknown field")
    assert lines[-1] == " there may be more; fix these 100 first"


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (
            "variants: [{name: v, retrieve: {bm25: {k1: 1.0e+308}}}]",
            "k1: 1.0e+308 is not at most 1000",
        ),
        ("queries_per_job: 1000000000000", "queries_per_job: 1000000000000 is not"),
        ("budget: {usd: 1.0e+300}", "budget.usd: 1.0e+300 is not"),
        ("measures: [AP(rel=99999999999)]", "has a parameter above 1,000,000"),
        (f"measures: [{', '.join(f'P@{n}' for n in range(1, 102))}]", "is not a list of at most 100"),
    ],
)
def test_numbers_that_would_overflow_are_refused(field: str, message: str) -> None:
    text = with_field(field) if not field.startswith("variants") else f"name: x\ndataset: d\n{field}\n"
    assert message in "\n".join(problems(text))


def test_large_files_are_refused(tmp_path: Path) -> None:
    message = "larger than the 262,144 bytes"
    with pytest.raises(ExperimentFileError, match=message):
        parse_experiment("#" * (MAX_BYTES + 1))
    path = tmp_path / "large.yaml"
    path.write_text(SMALLEST + "#" + "ä" * (MAX_BYTES // 2), encoding="utf-8")
    with pytest.raises(ExperimentFileError, match=message):
        read_experiment(path)


def test_long_values_are_quoted_in_part() -> None:
    line = problem(with_field(f"queries_per_job: {'9' * 5000}"))
    assert line == f"6: queries_per_job: {'9' * 57}... cannot be used as a number"


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


# --- whatever comes ---

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "dataset", "variants", "retrieve", "bm25", "dense", "fuse", "of", "k", "encoder"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def accepted_or_refused(text: str) -> None:
    try:
        parse_experiment(text)
    except ExperimentFileError as error:
        lines = str(error).split("\n")
        assert all(re.match(r"experiment\.yaml(:\d+)?: ", line) for line in lines)
        said = re.findall(r"pydantic|type=|Traceback|Input should", str(error))
        assert all(words in text for words in said)  # as far as it repeats what was written


@given(st.text() | st.text(" \n-:{}[]&*!#'\"|>%@?,ab1"))
def test_any_text_is_an_experiment_or_is_refused(text: str) -> None:
    accepted_or_refused(text)


@given(VALUES)
def test_any_yaml_is_an_experiment_or_is_refused(value: Any) -> None:
    accepted_or_refused(yaml.safe_dump(value, allow_unicode=True))


@settings(max_examples=200)
@given(st.integers(0, len(FIRST_LOOK) - 1), st.sampled_from([*"{}[]:,&*!-'\" \n1a", ""]))
def test_a_slip_of_the_pen_gives_an_experiment_or_a_refusal(place: int, slip: str) -> None:
    accepted_or_refused(FIRST_LOOK[:place] + slip + FIRST_LOOK[place + 1 :])


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
    assert (words, vectors) == (BM25(), Dense("org/e5"))


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
