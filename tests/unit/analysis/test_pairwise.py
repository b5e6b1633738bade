"""Two variants compared: by hand over ten queries, each with one relevant document."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from evaluator.analysis.decisions import Correction, best_first
from evaluator.analysis.leaderboard import leaderboard
from evaluator.analysis.overlap import overlap
from evaluator.analysis.pair import look_at_pair
from evaluator.analysis.pair_wording import effect_words, headline, p_words
from evaluator.analysis.pairwise import Outcome, Pair, against, agree, agreement, compare, paired_table
from evaluator.analysis.snapshot import read_snapshot
from evaluator.domain.ranking import Ranking
from evaluator.domain.records import ExperimentRow
from evaluator.domain.result import QueryResult
from evaluator.domain.statistics.paired import PairedTest
from evaluator.domain.statistics.resampling import Interval, Resampled
from evaluator.domain.statistics.separability import Decision
from evaluator.errors import UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.library.query_facts import query_facts
from evaluator.store import results
from evaluator.store.file.cursors import Cursor
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.finished import finished, submitted

FIRST, SECOND = "first", "second"
NDCG = "nDCG@10"
AT_2 = 1 / np.log2(3)
"""nDCG of one relevant document at rank 2."""


def at_rank(query: int, rank: int) -> list[str]:
    """A list of three with the query's relevant document at a rank; 4: not in it."""
    others = [f"d{other}" for other in range(10) if other != query][:3]
    return [*others[: rank - 1], f"d{query}", *others[rank - 1 : 2]] if rank < 4 else others


RANKS = {FIRST: [1] * 8 + [2, 4], SECOND: [1, 1, 2, 2, 2, 2, 2, 2, 1, 4]}
"""Differences: 0 at q0, q1 and q9; 1 - 0.63 at q2 to q7; 0.63 - 1 at q8."""
LISTS = {
    variant: {f"q{query}": at_rank(query, rank) for query, rank in enumerate(ranks)}
    for variant, ranks in RANKS.items()
}


@pytest.fixture
def experiment(workspace: Workspace) -> ExperimentRow:
    return lifecycle.find(workspace, finished(workspace, "tiny", LISTS).id)


def compared(
    workspace: Workspace,
    experiment: ExperimentRow,
    a: str = FIRST,
    b: str = SECOND,
    baseline: str | None = None,
) -> Pair:
    """Two variants that share a scored query."""
    pair = compare(read_snapshot(workspace, experiment.id), NDCG, a, b, baseline)
    assert pair is not None
    return pair


def test_differences_are_sorted_and_counted(workspace: Workspace, experiment: ExperimentRow) -> None:
    pair = compared(workspace, experiment)
    won = [f"q{n}" for n in range(2, 8)]
    assert pair.query_ids == (*won, "q0", "q1", "q9", "q8")  # equal ones by id
    assert pair.differences.tolist() == pytest.approx([1 - AT_2] * 6 + [0] * 3 + [AT_2 - 1])
    test = pair.outcome.test
    assert (test.n, test.wins, test.ties, test.losses) == (10, 6, 3, 1)
    assert pair.outcome.mean_a == pytest.approx((8 + AT_2) / 10)
    assert pair.outcome.mean_b == pytest.approx((3 + 6 * AT_2) / 10)
    assert test.difference == pytest.approx(5 * (1 - AT_2) / 10)
    # Seven queries differ, by the same: 2 * (1 + 7) of the 2^7 sign flips give six or more on one side.
    assert test.p_randomization == pytest.approx(16 / 128)
    assert pair.outcome.decision.corrected == test.p_randomization  # one pair: nothing to correct
    assert test.p_t == pytest.approx(stats.ttest_rel(pair.scores_a, pair.scores_b).pvalue)
    assert not pair.outcome.separable


def test_the_other_way_round_everything_is_mirrored(workspace: Workspace, experiment: ExperimentRow) -> None:
    pair, mirrored = compared(workspace, experiment), compared(workspace, experiment, SECOND, FIRST)
    assert mirrored.differences.tolist() == pytest.approx((-pair.differences[::-1]).tolist())
    one, other = pair.outcome.test, mirrored.outcome.test
    assert (other.wins, other.losses) == (one.losses, one.wins)
    assert other.p_randomization == one.p_randomization
    assert headline(mirrored.outcome).split(" (")[0] == headline(pair.outcome).split(" (")[0]


def test_all_against_one_is_corrected_over_all_pairs(workspace: Workspace) -> None:
    lists = {
        "base": {f"q{n}": at_rank(n, 2) for n in range(10)},
        "better": {f"q{n}": at_rank(n, 1) for n in range(10)},
        "same": {f"q{n}": at_rank(n, 2) for n in range(10)},
        "worse": {f"q{n}": at_rank(n, 2 + n % 2) for n in range(10)},
    }
    row = lifecycle.find(workspace, finished(workspace, "tiny", lists).id)
    outcomes = against(read_snapshot(workspace, row.id), NDCG, "base")
    assert [outcome.a for outcome in outcomes] == ["better", "same", "worse"]
    # 2 of 2^10 flips; none differs; five queries, all lost: 2 of 2^5. Holm: 3 p, then 2 p, then p.
    assert [outcome.test.p_randomization for outcome in outcomes] == pytest.approx([2 / 1024, 1, 2 / 32])
    assert [outcome.decision.corrected for outcome in outcomes] == pytest.approx([6 / 1024, 1, 4 / 32])
    assert {outcome.correction for outcome in outcomes} == {Correction(3, "base")}
    assert [outcome.separable for outcome in outcomes] == [True, False, False]
    pair = compared(workspace, row, "worse", "base", "base")
    assert (pair.outcome.decision, pair.outcome.correction) == (outcomes[2].decision, outcomes[2].correction)
    assert best_first(read_snapshot(workspace, row.id), NDCG) == ["better", "base", "same", "worse"]
    assert headline(outcomes[0]) == (
        "better beats base by 0.369 nDCG@10 (95 % interval 0.369 to 0.369, p = 0.006 corrected): "
        "10 wins, 0 losses, 0 ties"
    )
    assert headline(outcomes[1]) == (
        "same and base have the same nDCG@10 (95 % interval 0.000 to 0.000, p = 1.000 corrected): "
        "0 wins, 0 losses, 10 ties"
    )
    assert headline(outcomes[2]).startswith("base cannot be told from worse: 0.065 nDCG@10 ahead (95 %")


def test_pairs_are_compared_over_what_the_leaderboard_compares(workspace: Workspace) -> None:
    lists = {
        "whole": {f"q{n}": at_rank(n, 1) for n in range(10)},
        "half": {f"q{n}": at_rank(n, 2) for n in range(5)},
        "other": {f"q{n}": at_rank(n, 1) for n in range(3, 10)},
    }
    row = lifecycle.find(workspace, finished(workspace, "tiny", lists).id)
    outcomes = against(read_snapshot(workspace, row.id), NDCG, "whole")
    assert [outcome.test.n for outcome in outcomes] == [2, 2]
    assert set(compared(workspace, row, "whole", "other").query_ids) == {"q3", "q4"}
    board = leaderboard(workspace, row)
    assert board.compared == 2
    assert {r.variant: r.score for r in board.rows} == {
        "whole": outcomes[0].mean_b,
        **{outcome.a: outcome.mean_a for outcome in outcomes},
    }


def test_queries_that_failed_are_listed_and_left_out(workspace: Workspace) -> None:
    lists = {
        variant: {id_: ids for id_, ids in found.items() if id_ != "q8"} for variant, found in LISTS.items()
    }
    row = lifecycle.find(workspace, finished(workspace, "tiny", lists, failed=["q8"]).id)
    pair = compared(workspace, row)
    assert "q8" not in pair.query_ids
    assert pair.outcome.test.n == 9
    failed = look_at_pair(workspace, row.id, NDCG, FIRST, SECOND).failed
    assert failed.to_numpy().tolist() == [[v, "q8", "ValueError: no"] for v in (FIRST, SECOND)]


def test_without_a_shared_score_there_is_no_comparison(workspace: Workspace) -> None:
    spec = submitted(workspace, "tiny", [FIRST, SECOND])
    row = lifecycle.find(workspace, spec.id)
    assert compare(read_snapshot(workspace, row.id), NDCG, FIRST, SECOND) is None
    assert agreement(read_snapshot(workspace, row.id), FIRST, SECOND) == ()
    assert overlap(workspace, read_snapshot(workspace, row.id), FIRST, SECOND).query_ids == ()
    assert best_first(read_snapshot(workspace, row.id), NDCG) == [FIRST, SECOND]
    failures = [QueryResult(spec.id, v, "q0", error="ValueError: no") for v in (FIRST, SECOND)]
    results.record(workspace.database, failures)
    assert compare(read_snapshot(workspace, row.id), NDCG, FIRST, SECOND) is None


def test_what_is_recorded_meanwhile_counts(workspace: Workspace) -> None:
    lists = {variant: {"q0": found["q0"], "q2": found["q2"]} for variant, found in LISTS.items()}
    row = lifecycle.find(workspace, finished(workspace, "tiny", lists).id)
    assert compared(workspace, row).outcome.test.n == 2
    for variant in (FIRST, SECOND):
        scored = QueryResult(row.id, variant, "q1", Ranking(("d1",), (1.0,)), {NDCG: 1.0, "RR@10": 1.0})
        results.record(workspace.database, [scored])
    assert compared(workspace, row).outcome.test.n == 3
    assert len(overlap(workspace, read_snapshot(workspace, row.id), FIRST, SECOND).query_ids) == 3


def test_names_that_are_not_there_are_refused(workspace: Workspace, experiment: ExperimentRow) -> None:
    with pytest.raises(UnknownNameError, match="has no variant 'third'; it has first, second"):
        compare(read_snapshot(workspace, experiment.id), NDCG, FIRST, "third")
    with pytest.raises(UnknownNameError, match="compared with itself"):
        compare(read_snapshot(workspace, experiment.id), NDCG, FIRST, FIRST)


def test_measures_that_agree_and_measures_that_do_not(
    workspace: Workspace, experiment: ExperimentRow
) -> None:
    outcomes = agreement(read_snapshot(workspace, experiment.id), FIRST, SECOND)
    assert [outcome.measure for outcome in outcomes] == [NDCG, "RR@10"]
    assert outcomes[1].test.difference == pytest.approx(5 * 0.5 / 10)
    assert [outcome.decision.corrected for outcome in outcomes] == pytest.approx([16 / 128] * 2)
    assert agree(outcomes)
    against_it = outcomes[1]._replace(test=PairedTest(10, -0.1, Interval(-0.2, 0.0), 1, 1, 1, None, 0, 9, 1))
    assert not agree((outcomes[0], against_it))


def test_lists_beside_each_other(workspace: Workspace, experiment: ExperimentRow) -> None:
    lists = overlap(workspace, read_snapshot(workspace, experiment.id), FIRST, SECOND)
    assert lists.query_ids == tuple(f"q{n}" for n in range(10))
    # All ten pairs hold the same three documents; q2 to q8 have the first two of them swapped.
    assert lists.jaccard_10.tolist() == lists.jaccard_100.tolist() == [1.0] * 10
    same = [True, True, *[False] * 7, True]
    assert (lists.rbo > 1 - 1e-9).tolist() == same
    assert lists.tau.tolist() == pytest.approx([1 if equal else 1 / 3 for equal in same])
    table = paired_table(
        compared(workspace, experiment), query_facts(workspace, experiment), lists
    ).set_index("query_id")
    assert table.loc["q2", "text"] == "supersonic flow past"
    assert [table.loc["q2", column] for column in ("words", "relevant")] == [3, 1]
    assert table.loc["q8", "tau"] == pytest.approx(1 / 3)
    assert table.loc["q2", "difference"] == pytest.approx(1 - AT_2)


@pytest.mark.parametrize(
    ("effect", "word"),
    [(0, "negligible"), (-0.19, "negligible"), (0.2, "small"), (-0.5, "medium"), (0.8, "large")],
)
def test_effects_have_names(effect: float, word: str) -> None:
    assert effect_words(effect) == word


def test_p_values_as_they_are_written() -> None:
    assert [p_words(p) for p in (0.0001, 0.001, 0.0456, 1)] == [
        "p < 0.001", "p = 0.001", "p = 0.046", "p = 1.000",
    ]  # fmt: skip


def test_the_headline_names_the_winner_first() -> None:
    test = PairedTest(225, 0.021, Interval(0.008, 0.034), 0.001, 0.001, 0.001, 0.2, 98, 82, 45)
    decision, correction = Decision(0.021, 0.001, "randomization", 0.002), Correction(4, "minilm")
    outcome = Outcome("hybrid", "minilm", NDCG, 0.4, 0.379, test, decision, correction)
    sentences = (
        "hybrid beats minilm by 0.021 nDCG@10 (95 % interval 0.008 to 0.034, p = 0.002 corrected): "
        "98 wins, 45 losses, 82 ties"
    )
    assert headline(outcome) == sentences
    mirrored = PairedTest(225, -0.021, Interval(-0.034, -0.008), 0.001, 0.001, 0.001, -0.2, 45, 82, 98)
    assert (
        headline(Outcome("minilm", "hybrid", NDCG, 0.379, 0.4, mirrored, decision.mirrored, correction))
        == sentences
    )
    alone = PairedTest(1, 0.5, Interval(-np.inf, np.inf), 1, 1, 1, None, 1, 0, 0)
    decision, correction = Decision(0.5, 1.0, "randomization", 1.0), Correction(1, None)
    assert headline(Outcome("a", "b", NDCG, 1, 0.5, alone, decision, correction)) == (
        "a cannot be told from b: 0.500 nDCG@10 ahead (p = 1.000), 1 win, 0 losses, 0 ties"
    )


def test_ten_thousand_queries_are_compared_at_once(
    library: Workspace, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    n = 10_000
    texts = [f"query number {number}" for number in range(n)]
    catalog.import_folder(library, write_dataset(queries=texts, qrels={q: {0: 1} for q in range(n)}))
    spec = submitted(library, "tiny", [FIRST, SECOND])
    for variant, prime in ((FIRST, 7919), (SECOND, 104_729)):
        library.database.cursor.execute(
            """
            INSERT INTO results (experiment, variant, query_id, doc_ids, scores, measures, seconds)
            SELECT $experiment, $variant, 'q' || n, ['d1', 'd2', 'd3'], [3, 2, 1],
                   MAP {'nDCG@10': n * $prime % 1009 / 1009, 'RR@10': 1.0}, 0.1
            FROM range($n) t(n)
            """,
            {"experiment": spec.id, "variant": variant, "prime": prime, "n": n},
        )
    row = lifecycle.find(library, spec.id)
    first = compared(library, row)
    assert first.outcome.test.n == n
    numbers = np.arange(n)
    expected = (numbers * 7919 % 1009 / 1009).mean() - (numbers * 104_729 % 1009 / 1009).mean()
    assert first.outcome.test.difference == pytest.approx(expected)
    # The second look, and from the other side: what was resampled is kept, and queries are not read one by one.
    monkeypatch.setattr(Resampled, "of", lambda *_arguments, **_options: pytest.fail("resampled again"))
    asked: list[str] = []
    execute = Cursor.execute

    def counted(cursor: Cursor, sql: str, parameters: object = None) -> Cursor:
        asked.append(sql)
        return execute(cursor, sql, parameters)

    monkeypatch.setattr(Cursor, "execute", counted)
    mirrored = compared(library, row, SECOND, FIRST)
    lists = overlap(library, read_snapshot(library, row.id), SECOND, FIRST)
    table = paired_table(mirrored, query_facts(library, row), lists)
    assert len(asked) < 20
    assert len(table) == n
    assert lists.rbo.min() > 1 - 1e-9
