"""Experiment files that try to take too much, or that nobody would write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.errors import ExperimentFileError
from evaluator.experiments.file_reader import parse_experiment, read_experiment
from evaluator.experiments.yaml_nodes import MAX_BYTES
from tests.unit.experiments.experiment_texts import (
    FIRST_LOOK,
    SMALLEST,
    problem,
    problems,
    with_field,
    with_variants,
)

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
