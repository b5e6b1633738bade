"""Measures: the cases of the scoring policy with values computed by hand, held against the providers themselves."""

from __future__ import annotations

import math
import re
import warnings

import ir_measures
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.measures.scoring import (
    DEFAULT_MEASURES,
    JUDGED,
    MAX_CUTOFF,
    canonical_measures,
    needed_depth,
    parse_measure,
    relevant_count,
    score_queries,
)
from evaluator.domain.ranking import EMPTY, Ranking, rank
from evaluator.errors import InvalidInputError

TREC_EVAL = {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100", "AP@100": "map_cut_100", "RR": "recip_rank"}
"""Our notation of the measures that trec_eval computes under another name."""

SHALLOW = (
    "nDCG@10",
    "RR@10",
    "R@100",
    "AP@100",
    "P@5",
    "Success@1",
    "AP",
    "nDCG",
    "Rprec",
    "Bpref",
    "ERR@10",
)


def in_order(*doc_ids: str) -> Ranking:
    return Ranking(doc_ids, tuple(float(len(doc_ids) - place) for place in range(len(doc_ids))))


def score(ranking: Ranking, grades: dict[str, int], *notations: str) -> dict[str, float]:
    return score_queries({"q": ranking}, {"q": grades}, notations or DEFAULT_MEASURES)["q"]


def trec_eval(run: dict[str, float], grades: dict[str, int]) -> dict[str, float]:
    """What trec_eval itself says of raw scores, ties and all, under our notation."""
    evaluator = pytrec_eval.RelevanceEvaluator({"q": grades}, set(TREC_EVAL.values()))
    measured = evaluator.evaluate({"q": run})["q"]
    return {ours: measured[theirs] for ours, theirs in TREC_EVAL.items()}


# --- the table of the policy, case by case ---


def test_the_ideal_comes_from_all_judged_documents_not_from_those_retrieved() -> None:
    grades = {f"r{n}": 1 for n in range(5)}
    # DCG = 1/log2(2) = 1; ideal = 1 + 1/log2(3) + 1/log2(4) + 1/log2(5) + 1/log2(6) = 2.9485; 1/2.9485 = 0.3392
    ideal = 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5) + 1 / math.log2(6)
    values = score(in_order("r0"), grades)
    assert values["nDCG@10"] == pytest.approx(1 / ideal) == pytest.approx(0.3392, abs=5e-5)
    # RR = 1/1; R = 1/5; AP = (1/1)/5
    assert values == pytest.approx(
        {"nDCG@10": 0.33916, "RR@10": 1, "R@100": 0.2, "AP@100": 0.2, "Judged@10": 1}, abs=1e-5
    )
    assert trec_eval({"r0": 1.0}, grades)["nDCG@10"] == pytest.approx(values["nDCG@10"])
    direct = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], {"q": grades}, {"q": {"r0": 1.0}})
    assert direct[ir_measures.nDCG @ 10] == pytest.approx(values["nDCG@10"])


def test_gain_is_linear_in_the_grade() -> None:
    # DCG = 1/log2(2) + 3/log2(3) = 2.89279; ideal = 3/log2(2) + 1/log2(3) = 3.63093; ratio 0.79671.
    # With gains of 2^grade - 1 it would be (1 + 7/log2(3)) / (7 + 1/log2(3)) = 0.70981.
    grades = {"a": 1, "b": 3}
    expected = (1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3))
    assert (
        score(in_order("a", "b"), grades)["nDCG@10"]
        == pytest.approx(expected)
        == pytest.approx(0.79671, abs=5e-6)
    )
    assert trec_eval({"a": 2.0, "b": 1.0}, grades)["nDCG@10"] == pytest.approx(expected)


def test_documents_are_relevant_from_grade_1_on() -> None:
    grades = {"bad": -1, "no": 0, "yes": 1, "very": 2}
    assert relevant_count(grades) == 2
    # Places 3 and 4 are relevant: RR = 1/3, AP = (1/3 + 2/4)/2 = 0.41667, P@5 = 2/5, R = 2/2.
    values = score(in_order("bad", "no", "yes", "very"), grades, "RR@10", "AP@100", "P@5", "R@100")
    expected = {"RR@10": 1 / 3, "AP@100": 5 / 12, "P@5": 0.4, "R@100": 1, "Judged@10": 1}
    assert values == pytest.approx(expected)


@pytest.mark.parametrize("notation", SHALLOW)
def test_a_negative_grade_is_judged_and_not_relevant_like_a_grade_of_0(notation: str) -> None:
    ranking = in_order("bad", "good", "unknown")
    negative = score(ranking, {"bad": -1, "good": 2, "missed": -2}, notation)
    assert negative == score(ranking, {"bad": 0, "good": 2, "missed": 0}, notation)
    assert negative[JUDGED] == pytest.approx(2 / 3)


def test_a_negative_grade_lowers_no_score_as_in_trec_eval() -> None:
    # DCG = 2/log2(3), ideal = 2/log2(2): 1/log2(3) = 0.63093.
    grades = {"bad": -1, "good": 2}
    assert score(in_order("bad", "good"), grades)["nDCG@10"] == pytest.approx(1 / math.log2(3))
    assert trec_eval({"bad": 2.0, "good": 1.0}, grades)["nDCG@10"] == pytest.approx(1 / math.log2(3))


def test_unjudged_documents_are_not_relevant_and_take_their_place() -> None:
    # The one relevant document is third: nDCG = 1/log2(4) = 0.5, RR = AP = 1/3; judged: 1 of 3.
    values = score(in_order("x", "y", "r"), {"r": 1})
    expected = {"nDCG@10": 0.5, "RR@10": 1 / 3, "R@100": 1, "AP@100": 1 / 3, "Judged@10": 1 / 3}
    assert values == pytest.approx(expected)


@pytest.mark.parametrize("notation", SHALLOW)
def test_an_empty_result_of_a_judged_query_is_0(notation: str) -> None:
    assert score(EMPTY, {"r": 1}, notation) == {notation: 0, JUDGED: 0}
    qrels = {"q": {"r": 1}, "other": {"r": 1}}
    together = score_queries({"q": EMPTY, "other": in_order("r")}, qrels, [notation])
    assert together["q"] == {notation: 0, JUDGED: 0}
    assert together["other"][notation] > 0


def test_a_query_with_no_relevant_document_is_not_scored() -> None:
    rankings = {
        "unjudged": in_order("a"),
        "nothing": in_order("a"),
        "bad": in_order("a"),
        "fine": in_order("a"),
    }
    qrels = {"nothing": {"a": 0}, "bad": {"a": -1}, "fine": {"a": 1}}
    values = score_queries(rankings, qrels, ["RR@10"])
    assert values == {"unjudged": {}, "nothing": {}, "bad": {}, "fine": {"RR@10": 1, JUDGED: 1}}


def test_nothing_to_score_is_no_error() -> None:
    assert score_queries({}, {"q": {"r": 1}}, ["AP"]) == {}
    assert score_queries({"q": EMPTY}, {}, ["AP"]) == {"q": {}}


def test_only_queries_with_a_list_are_scored() -> None:
    values = score_queries({"q": in_order("r")}, {"q": {"r": 1}, "not asked": {"r": 1}}, ["RR"])
    assert values == {"q": {"RR": 1, JUDGED: 1}}


def test_the_judged_share_is_of_the_first_ten_documents_retrieved() -> None:
    # 11 documents; judged are the first, the second and the eleventh: 2 of 10.
    ranking = in_order(*"abcdefghijk")
    assert score(ranking, {"a": 1, "b": 0, "k": 1}, "RR")[JUDGED] == pytest.approx(0.2)


def test_the_judged_share_appears_once_even_if_requested() -> None:
    assert score(in_order("a"), {"a": 1}, "RR", JUDGED) == {"RR": 1, JUDGED: 1}


@pytest.mark.parametrize("ids", [["a", "b", "c", "d"], ["d", "c", "b", "a"], ["c", "a", "d", "b"]])
def test_tied_scores_give_one_value_whatever_the_order_of_the_input(ids: list[str]) -> None:
    # All tied: d c b a. "b" is third: nDCG = 1/log2(4) = 0.5, RR = 1/3.
    values = score(rank(ids, [0.5] * 4, 10), {"b": 1})
    assert (values["nDCG@10"], values["RR@10"]) == pytest.approx((0.5, 1 / 3))
    assert trec_eval(dict.fromkeys(ids, 0.5), {"b": 1})["RR"] == pytest.approx(1 / 3)


def test_scores_are_by_rank_so_ids_that_a_provider_would_sort_otherwise_stay_put() -> None:
    """The order is settled before: a list that is not in trec_eval's order by id is scored as it stands."""
    assert score(Ranking(("a", "b"), (1.0, 1.0)), {"a": 1}, "RR")["RR"] == 1


@pytest.mark.parametrize("notation", SHALLOW)
@pytest.mark.parametrize(
    ("query_id", "doc_id"), [("what is it", "two words"), ("topic-7", "文\t1"), ("", "-1"), ("ä", "#")]
)
def test_any_id_can_be_scored_by_any_provider(notation: str, query_id: str, doc_id: str) -> None:
    """ERR is computed by a Perl script that wants numbered topics and splits lines at spaces."""
    values = score_queries({query_id: in_order(doc_id, "x")}, {query_id: {doc_id: 1}}, [notation])
    assert values == {query_id: score(in_order("d", "x"), {"d": 1}, notation)}


# --- against the providers, on random runs ---

ID_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
DOC_IDS = st.text(ID_CHARACTERS, min_size=1, max_size=3) | st.sampled_from(
    ["d1", "d10", "d2", "ä", "z", "文"]
)
TIED_SCORES = st.sampled_from([0.0, 1.0, 0.5, 1.0 + 1e-9])


@given(
    st.dictionaries(DOC_IDS, st.tuples(TIED_SCORES, st.none() | st.integers(-1, 3)), min_size=1, max_size=25)
)
def test_trec_eval_gives_the_same_values_for_the_raw_tied_scores(
    documents: dict[str, tuple[float, int | None]],
) -> None:
    run = {doc_id: score for doc_id, (score, _) in documents.items()}
    grades = {doc_id: grade for doc_id, (_, grade) in documents.items() if grade is not None} | {"missed": 1}
    values = score(rank(list(run), list(run.values()), 100), grades, *TREC_EVAL)
    del values[JUDGED]
    assert values == pytest.approx(trec_eval(run, grades))


@given(
    st.dictionaries(
        st.sampled_from(["q1", "q2", "q3"]),
        st.tuples(
            st.permutations(["a", "b", "c", "d"]), st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2))
        ),
        min_size=1,
    )
)
def test_many_queries_at_once_score_as_each_alone(
    queries: dict[str, tuple[list[str], dict[str, int]]],
) -> None:
    rankings = {query_id: in_order(*order) for query_id, (order, _) in queries.items()}
    qrels = {query_id: grades for query_id, (_, grades) in queries.items()}
    together = score_queries(rankings, qrels, DEFAULT_MEASURES)
    for query_id, ranking in rankings.items():
        assert together[query_id] == score(ranking, qrels[query_id])


# --- notation ---


def test_measures_print_as_ir_measures_writes_them_each_once() -> None:
    spellings = ["MRR@10", "NDCG@10", "RR@10", "AP(rel=1)@100", "P@5"]
    assert canonical_measures(spellings) == ("RR@10", "nDCG@10", "AP@100", "P@5")


def test_the_depth_is_the_deepest_cutoff_and_1000_without_one() -> None:
    assert needed_depth(["nDCG@10", "RR@5"]) == 100
    assert needed_depth(["nDCG@10", "R@500"]) == 500
    assert needed_depth(["AP"]) == 1000


@pytest.mark.parametrize(
    ("notation", "message"),
    [
        ("ndcg@10", "did you mean nDCG@10?"),
        ("recal@100", "did you mean R"),
        ("Frobnication@3", "try nDCG@10"),
        ("nDCG@", "write it as"),
        ("", "write it as"),
        ("R@10, AP", "write it as"),
        ("RR(foo=1)", "it takes no foo; did you mean RR?"),
        ("nDCG@1.5", "invalid param cutoff=1.5"),
        ("nDCG@0", f"cutoff from 1 to {MAX_CUTOFF}"),
        ("nDCG@True", f"cutoff from 1 to {MAX_CUTOFF}"),
        ("nDCG@99999999999", f"cutoff from 1 to {MAX_CUTOFF}"),
        ("AP(rel=99999999999)", "has a parameter above 1,000,000"),
        ("nDCG(gains={0:0,1:1000000000000})@10", "has a parameter above 1,000,000"),
        ("alpha_nDCG@20", "cannot be computed"),
        ("__import__('os')", "write it as"),
        ("(" * 5000, "longer than 200 characters"),
    ],
)
def test_invalid_measures_are_refused_with_a_suggestion(notation: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        parse_measure(notation)
    assert message in str(refusal.value)
    assert notation[:10] in str(refusal.value)


@given(
    st.text(max_size=30) | st.from_regex(r"[A-Za-z_]{1,6}(\([a-z*]{1,4}=.{1,5}\))?(@.{1,4})?", fullmatch=True)
)
def test_any_text_is_a_measure_or_is_refused(notation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            measure = parse_measure(notation)
        except InvalidInputError:
            return
    assert parse_measure(str(measure)) == measure


# --- measures that cannot be computed ---


def test_a_measure_that_fails_takes_no_other_down() -> None:
    """Accuracy divides by the documents behind the first relevant one: by 0 where all that was found is relevant."""
    rankings = {"all": in_order("a"), "some": in_order("a", "x"), "none": in_order("x"), "empty": EMPTY}
    qrels = {query_id: {"a": 1, "b": 1} for query_id in rankings}
    values = score_queries(rankings, qrels, ["RR@10", "Accuracy@10", "R@10"])
    assert values == {
        "all": {"RR@10": 1.0, "R@10": 0.5, JUDGED: 1.0},
        "some": {"RR@10": 1.0, "Accuracy@10": 1.0, "R@10": 0.5, JUDGED: 0.5},
        "none": {"RR@10": 0.0, "R@10": 0.0, JUDGED: 0.0},
        "empty": {"RR@10": 0.0, "Accuracy@10": 0.0, "R@10": 0.0, JUDGED: 0.0},
    }


def test_a_query_has_the_same_values_whatever_is_scored_beside_it() -> None:
    rankings = {"all": in_order("a"), "some": in_order("a", "x"), "none": in_order("x")}
    qrels = {query_id: {"a": 1} for query_id in rankings}
    together = score_queries(rankings, qrels, ["Accuracy", "AP"])
    for query_id, ranking in rankings.items():
        assert together[query_id] == score_queries({query_id: ranking}, qrels, ["Accuracy", "AP"])[query_id]


def test_time_that_is_up_is_no_reason_for_a_missing_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's time rings once, in whatever the worker does: it must end the job."""

    class TimeIsUpError(Exception):
        pass

    def ring(*_: object) -> None:
        raise TimeIsUpError

    for provider in ir_measures.DefaultPipeline.providers:
        monkeypatch.setattr(provider, "iter_calc", ring)
    with pytest.raises(TimeIsUpError):
        score(in_order("a"), {"a": 1}, "RR")


def test_a_measure_that_no_list_has_a_value_of_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"'Accuracy@1' cannot be computed.*did you mean Success@1\?"):
        parse_measure("Accuracy@1")
    # An experiment that was described before must still be readable, and has every other measure.
    assert score(in_order("a"), {"a": 1}, "Accuracy@1", "RR") == {"RR": 1.0, JUDGED: 1.0}


def test_every_measure_that_is_accepted_has_a_value_for_some_list() -> None:
    """All that ir-measures knows, with and without a cutoff: what is not refused is computed."""
    accepted = set()
    for name in ir_measures.measures.registry:
        for notation in (name, f"{name}@1", f"{name}@10", f"{name}(rel=2)", f"{name}(rel=2)@10"):
            try:
                accepted.add(str(parse_measure(notation)))
            except InvalidInputError:
                continue
    grades = {"good": 3, "fair": 1, "bad": 0}
    lists = [in_order("bad", "good", "x", "fair"), in_order("good", "bad")]
    for notation in accepted:
        assert any(notation in score(ranking, grades, notation) for ranking in lists), notation
    assert {"nDCG@10", "AP", "ERR@10", "Accuracy@10", "SetF", "infAP", "Compat"} <= accepted
    assert "Accuracy@1" not in accepted


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hit_rate@10", "Success@10"), ("HitRate@5", "Success@5"), ("hits@3", "Success@3"), ("HR@1", "Success@1"),
        ("accuracy@1", "Success@1"), ("hit rate@10", "Success@10"),
        ("mrr", "RR"), ("mrr@10", "RR@10"), ("recip_rank", "RR"), ("mean_reciprocal_rank@10", "RR@10"),
        ("map", "AP"), ("map@100", "AP@100"), ("map_cut_100", "AP@100"),
        ("precision@5", "P@5"), ("precision_at_5", "P@5"), ("P_10", "P@10"), ("P", "P@10"),
        ("recall@100", "R@100"), ("recall_100", "R@100"), ("recall", "R@10"),
        ("ndcg@10", "nDCG@10"), ("ndcg_cut_10", "nDCG@10"), ("nDCG(rel=2)@10", "nDCG@10"),
        ("f1", "SetF"), ("F1@10", "SetF"), ("SetF@10", "SetF"),
    ],
)  # fmt: skip
def test_everyday_names_are_understood(written: str, meant: str) -> None:
    with pytest.raises(InvalidInputError, match=f"did you mean {re.escape(meant)}\\?$"):
        parse_measure(written)
    assert str(parse_measure(meant)) == meant


@pytest.mark.parametrize(
    ("notation", "reason"),
    [("P", "it needs a cutoff"), ("SetF@10", "it takes no cutoff"), ("IPrec", "it needs recall")],
)
def test_a_missing_parameter_is_named_in_words(notation: str, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=f"is not a measure: {reason}"):
        parse_measure(notation)
