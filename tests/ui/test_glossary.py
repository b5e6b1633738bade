"""One glossary: what pages show as help is what the docs say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluator.ui.glossary import TERMS, meaning, measure_meaning

DOCS = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_pages_and_docs_explain_the_same_terms_in_the_same_words() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert list(TERMS.items()) == rows


def test_meanings_are_sentences() -> None:
    assert meaning("query", "baseline").startswith("**Query**: what somebody searches for;")
    assert "\n\n**Baseline**: the variant that others" in meaning("query", "baseline")
    with pytest.raises(KeyError):
        meaning("vibes")


def test_a_measure_is_explained_with_its_cutoff() -> None:
    assert measure_meaning("RR@10") == (
        "**RR@10**: one divided by the rank of the first relevant document. "
        "It looks at the first 10 documents of a list."
    )
    assert measure_meaning("AP").endswith("at the ranks of the relevant documents.")
    assert measure_meaning("Bpref").startswith("**Measure**")
