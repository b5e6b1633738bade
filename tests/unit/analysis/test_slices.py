"""Queries of a pair divided by what is known of them; differences by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from evaluator.analysis.pairwise import compare
from evaluator.analysis.slices import DIMENSIONS, DIVIDE, ENOUGH, Slice, slices
from evaluator.analysis.snapshot import read_snapshot
from evaluator.domain.records import ExperimentRow
from evaluator.domain.statistics.paired import paired_test
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.library.query_facts import query_facts
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.finished import finished

GERMAN = "welche Bücher hat die Bibliothek über das Leben der Bienen im Winter"
ENGLISH = "which books does the library have about the life of bees in winter"
SHORT = "bees"


class Library:
    """Experiments over queries of the test's choosing: `first` finds all that is relevant, `second` where asked to."""

    def __init__(self, workspace: Workspace, write_dataset: WriteDataset) -> None:
        self.workspace, self.write_dataset = workspace, write_dataset

    def add(
        self,
        texts: Sequence[str],
        second_finds: Sequence[bool],
        relevant: Mapping[int, int] | None = None,
        tags: Mapping[int, Sequence[str]] | None = None,
    ) -> ExperimentRow:
        """Submit and finish it.

        Args:
            texts: of the queries.
            second_finds: whether `second` finds what `first` finds, for each query.
            relevant: how many relevant documents a query has, by its number; 1 otherwise.
            tags: a query's tags, by its number.
        """
        many = {q: (relevant or {}).get(q, 1) for q in range(len(texts))}
        folder = self.write_dataset(
            queries=texts, qrels={q: dict.fromkeys(range(n), 1) for q, n in many.items()}
        )
        lines = [
            json.dumps({"_id": f"q{q}", "text": text, "tags": list((tags or {}).get(q, ()))})
            for q, text in enumerate(texts)
        ]
        (folder / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
        catalog.import_folder(self.workspace, folder)
        lists = {
            "first": {f"q{q}": [f"d{doc}" for doc in range(n)] for q, n in many.items()},
            "second": {
                f"q{q}": [f"d{doc}" for doc in range(n)] if second_finds[q] else [] for q, n in many.items()
            },
        }
        return lifecycle.find(self.workspace, finished(self.workspace, "tiny", lists).id)

    def slices(self, experiment: ExperimentRow, dimension: str) -> dict[str, Slice]:
        """The two variants' slices, by name."""
        snapshot = read_snapshot(self.workspace, experiment.id)
        pair = compare(snapshot, "nDCG@10", "first", "second")
        assert pair is not None
        return {part.name: part for part in slices(self.workspace, snapshot, pair, dimension)}


@pytest.fixture
def books(library: Workspace, write_dataset: WriteDataset) -> Library:
    return Library(library, write_dataset)


def words(n: int, query: int) -> str:
    """A query of n words, unlike the others."""
    return " ".join([f"word{query}", *["more"] * (n - 1)])


def test_queries_by_their_length_in_four_bins_of_words(books: Library) -> None:
    lengths = [1] * 5 + [2] * 5 + [3] * 3 + [5] * 2 + [8] * 4 + [20]
    experiment = books.add([words(n, q) for q, n in enumerate(lengths)], [n < 5 for n in lengths])
    parts = books.slices(experiment, "length")
    # 20 queries: the 5th is 1 word long, the 10th 2, the 15th 5, the last 20.
    assert [(part.name, part.n) for part in parts.values()] == [
        ("1 word", 5), ("2 words", 5), ("3 to 5 words", 5), ("6 to 20 words", 5),
    ]  # fmt: skip
    assert [part.difference for part in parts.values()] == pytest.approx([0, 0, 2 / 5, 1])
    assert [part.mean_b for part in parts.values()] == pytest.approx([1, 1, 3 / 5, 0])
    assert all(part.test is None and part.decision is None for part in parts.values())


def test_queries_that_are_equally_long_are_one_slice(books: Library) -> None:
    experiment = books.add([words(4, q) for q in range(12)], [q > 2 for q in range(12)])
    (part,) = books.slices(experiment, "length").values()
    assert (part.name, part.n) == ("4 words", 12)
    assert part.test is not None
    # Three differ, all the same way: 2 of 2^3 sign flips; one slice, so nothing is corrected.
    assert part.decision is not None
    assert part.decision.corrected == part.test.p_randomization == pytest.approx(2 / 8)
    assert (part.test.wins, part.test.ties, part.test.losses) == (3, 9, 0)


def test_queries_by_their_relevant_documents(books: Library) -> None:
    relevant = {0: 2, 1: 5, 2: 6, 3: 9}
    experiment = books.add([words(2, q) for q in range(6)], [q > 2 for q in range(6)], relevant)
    parts = books.slices(experiment, "relevant")
    assert {name: (part.n, part.difference) for name, part in parts.items()} == {
        "1 relevant": (2, 0),
        "2 to 5 relevant": (2, 1),
        "6 or more relevant": (2, 0.5),
    }


def test_a_query_with_two_tags_is_in_both_slices(books: Library) -> None:
    tags = {0: ["price", "image"], 1: ["price"], 2: ["price"], 3: ["image"]}
    experiment = books.add([words(2, q) for q in range(5)], [True, True, False, False, True], tags=tags)
    parts = books.slices(experiment, "tag")
    assert [(part.name, part.n) for part in parts.values()] == [("price", 3), ("image", 2), ("no tag", 1)]
    assert [part.difference for part in parts.values()] == pytest.approx([1 / 3, 1 / 2, 0])


def test_queries_by_their_language(books: Library) -> None:
    texts = [*[f"{ENGLISH} {n}" for n in range(3)], GERMAN, GERMAN.lower(), SHORT]
    experiment = books.add(texts, [True, True, True, False, False, True])
    parts = books.slices(experiment, "language")
    assert [(part.name, part.n, part.difference) for part in parts.values()] == [
        ("en", 3, 0), ("de", 2, 1), ("unknown", 1, 0),
    ]  # fmt: skip


def test_slices_with_enough_queries_are_tested_and_corrected_together(books: Library) -> None:
    lengths = [1] * ENOUGH + [2] * ENOUGH + [3] * (ENOUGH - 1)
    lost = {0, 1, 2, 3, 4, 5, ENOUGH, ENOUGH + 1}
    experiment = books.add(
        [words(n, q) for q, n in enumerate(lengths)], [q not in lost for q in range(len(lengths))]
    )
    one, two, three = books.slices(experiment, "length").values()
    assert one.test is not None
    assert two.test is not None
    # Six and two queries differ: 2 of 2^6, and 2 of 2^2, of all sign flips.
    raw = [one.test.p_randomization, two.test.p_randomization]
    assert raw == pytest.approx([2 / 64, 2 / 4])
    assert one.decision is not None
    assert two.decision is not None
    assert [one.decision.corrected, two.decision.corrected] == pytest.approx(
        multipletests(raw, method="holm")[1].tolist()
    )
    assert (three.n, three.test, three.decision) == (ENOUGH - 1, None, None)
    expected = paired_test(np.array([1.0] * 10), np.array([0.0] * 6 + [1.0] * 4))
    assert (one.test.interval.low, one.test.interval.high) == pytest.approx(
        (expected.interval.low, expected.interval.high), abs=0.1
    )


def test_every_dimension_divides_all_queries(books: Library) -> None:
    experiment = books.add([words(1 + q % 4, q) for q in range(11)], [q % 3 > 0 for q in range(11)])
    for dimension in DIMENSIONS:
        assert sum(part.n for part in books.slices(experiment, dimension).values()) == 11
    assert set(DIVIDE) == set(DIMENSIONS)


def test_facts_about_the_queries(books: Library) -> None:
    experiment = books.add([SHORT, ENGLISH], [True, True], {1: 3}, {0: ["a"]})
    facts = query_facts(books.workspace, experiment)
    assert facts.rows == {"q0": 0, "q1": 1}
    assert facts.texts == (SHORT, ENGLISH)
    assert facts.tags == (("a",), ())
    assert (facts.words.tolist(), facts.relevant.tolist()) == ([1, 13], [1, 3])
    assert facts.languages == ("unknown", "en")
    assert query_facts(books.workspace, experiment) is facts
