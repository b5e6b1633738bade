"""One query's lists next to each other, and the words that match."""

from __future__ import annotations

import pytest

from evaluator.domain.measures.bounds import Bounds
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import BM25
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.inspection.marking import Marker
from evaluator.inspection.side_by_side import Missed, side_by_side
from evaluator.workspace.workspace import Workspace
from tests.unit.finished import finished, submitted

# q0, "wing lift in", has the relevant document d0.
LISTS = {
    "first": {"q0": ["d0", "d3", "d5"], "q1": ["d1"]},
    "second": {"q0": ["d3", "d7", "d0"], "q1": []},
}


def look(workspace: Workspace) -> ExperimentRow:
    return lifecycle.find(workspace, "look")


def test_documents_stand_with_their_grades_and_places_elsewhere(workspace: Workspace) -> None:
    finished(workspace, "tiny", LISTS)
    side = side_by_side(workspace, look(workspace), "q0", ["first", "second"], "nDCG@10")
    assert side.query.text == "wing lift in"
    first, second = side.lists
    assert [(hit.place, hit.doc_id, hit.score, hit.grade) for hit in first.hits] == [
        (1, "d0", 3.0, 1), (2, "d3", 2.0, None), (3, "d5", 1.0, None),
    ]  # fmt: skip
    assert [hit.elsewhere for hit in first.hits] == [{"second": 3}, {"second": 1}, {"second": None}]
    assert side.documents["d0"].text == "wing lift in a propeller slipstream"
    assert first.measures["RR@10"] == 1.0
    assert second.measures["RR@10"] == pytest.approx(1 / 3)
    # All of d3, d7 relevant, too: nDCG is 1; none: 1/log2(4) of 1.
    assert second.bounds == Bounds(0.5, 1.0, 2)


def test_missed_documents_have_their_ranks(workspace: Workspace) -> None:
    finished(workspace, "tiny", {**LISTS, "third": {"q0": ["d9"]}})
    side = side_by_side(workspace, look(workspace), "q0", ["first", "second", "third"], "nDCG@10", depth=2)
    assert [shown.missed for shown in side.lists] == [
        (), (Missed("d0", 1, 3),), (Missed("d0", 1, None),),
    ]  # fmt: skip
    assert [len(shown.hits) for shown in side.lists] == [2, 2, 1]
    assert side.documents["d0"].doc_id == "d0"


def test_missing_lists_have_a_reason(workspace: Workspace) -> None:
    finished(workspace, "tiny", LISTS, failed=["q2"])
    side = side_by_side(workspace, look(workspace), "q2", ["first"], "nDCG@10")
    assert (side.lists[0].state, side.lists[0].error, side.lists[0].missed) == (
        "failed",
        "ValueError: no",
        (),
    )
    waiting = side_by_side(workspace, look(workspace), "q3", ["first"], "nDCG@10")
    assert waiting.lists[0].state == "waiting"
    empty = side_by_side(workspace, look(workspace), "q1", ["second"], "nDCG@10")
    assert (empty.lists[0].state, empty.lists[0].hits) == ("scored", ())
    assert empty.lists[0].missed == (Missed("d1", 1, None),)


def test_unknown_names_are_refused(workspace: Workspace) -> None:
    submitted(workspace, "tiny", ["a", "b", "c", "d", "e"])
    with pytest.raises(UnknownNameError, match="no query with the id 'q99'"):
        side_by_side(workspace, look(workspace), "q99", ["a"], "nDCG@10")
    with pytest.raises(UnknownNameError, match="no variant 'z'; it has: a, b"):
        side_by_side(workspace, look(workspace), "q0", ["z"], "nDCG@10")
    with pytest.raises(InvalidInputError, match="5 variants cannot stand side by side"):
        side_by_side(workspace, look(workspace), "q0", ["a", "b", "c", "d", "e"], "nDCG@10")


class TestMarker:
    def test_words_match_by_their_stems_and_stop_words_do_not(self) -> None:
        marker = Marker("heating of a wing")
        text = "The wings of a heated body"
        assert [text[first:last] for first, last in marker.spans(text)] == ["wings", "heated"]

    def test_a_query_of_stop_words_marks_them_where_it_is_searched_by_them(self) -> None:
        assert Marker("of the a").spans("of the") == [(0, 2), (3, 6)]
        assert Marker("of the a", BM25()).spans("of the") == []

    def test_words_match_as_the_tokenizer_finds_them(self) -> None:
        text = "a cafe\u0301 in C"  # é is two characters
        assert [text[first:last] for first, last in Marker("CAFÉ C").spans(text)] == ["cafe\u0301", "C"]
        assert Marker("CAFÉ C", BM25()).spans(text) == []

    def test_pairs_of_characters_that_overlap_are_marked_as_one(self) -> None:
        pairs = BM25(tokenizer="icu-bigrams-1", stemmer="none", stop_words="none")
        # The pairs 链条, 条打, 打滑 of the query are in places 2 to 6 of the text, and 滑 stands alone in 7.
        assert Marker("链条打滑", pairs).spans("旧的链条打滑, 滑") == [(2, 6)]
        assert Marker("链条", pairs).spans("旧链, 条, 链条 链条") == [(7, 9), (10, 12)]

    def test_the_best_text_has_most_of_the_words(self) -> None:
        marker = Marker("wing lift slipstream")
        assert marker.best(["nothing", "wing wing wing", "lift on a wing", "wing and lift"]) == 2
        assert marker.best(["nothing", "here"]) == 0

    def test_an_excerpt_is_where_the_words_are(self) -> None:
        text = f"{'filler ' * 40}the wing has lift {'filler ' * 40}"
        first, last = Marker("wing lift").excerpt(text, 60)
        assert "wing has lift" in text[first:last]
        assert last - first <= 60
        assert (text[first - 1], text[last]) == (" ", " ")

    def test_a_text_without_the_words_is_shown_from_its_beginning(self) -> None:
        assert Marker("wing").excerpt("other words follow here", 12) == (0, 11)
        assert Marker("wing").excerpt("short", 12) == (0, 5)
