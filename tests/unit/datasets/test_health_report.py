"""What the health report finds, on datasets small enough to count by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.findings import Finding
from evaluator.datasets.health.report import HealthReport, Histogram, examine, examine_stored
from evaluator.datasets.health.text_statistics import TokenCounter, Truncation
from evaluator.datasets.staging.stage import publish, stage
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document, ImportNote
from tests.unit.datasets.sources import Rows, documents, judgments, queries, report

FIFTY = range(50)
HEALTHY = Rows(
    [Document(f"d{n}", "", f"the text of document {n}") for n in FIFTY],
    queries(**{f"q{n}": f"query number {n}" for n in FIFTY}),
    judgments(*(f"q{n} d{n} 1" for n in FIFTY)),
)


def finding_of(report: HealthReport, code: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.code == code]
    return finding


def codes(report: HealthReport) -> set[str]:
    """Codes of all findings except the one on few queries, which every example has."""
    return {finding.code for finding in report.findings} - {"few-queries"}


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


class TestFindings:
    def test_a_healthy_dataset_has_no_findings(self, tmp_path: Path) -> None:
        assert report(tmp_path, HEALTHY).findings == ()

    def test_defects_block_and_come_first(self, tmp_path: Path) -> None:
        health = report(tmp_path, Rows([*documents(d1="a", d2=""), "broken"]))
        assert health.blocking
        assert health.findings[0].code == "unreadable-rows"
        assert (health.n_documents, health.n_queries, health.n_judgments) == (2, 1, 1)

    def test_warnings_do_not_block(self, tmp_path: Path) -> None:
        assert not report(tmp_path, Rows(documents(d1="a", d2=""))).blocking

    def test_an_empty_dataset_has_a_report(self, tmp_path: Path) -> None:
        health = report(tmp_path, Rows([], [], []))
        assert codes(health) == {"no-documents", "no-queries"}
        assert health.document_words == Histogram()
        assert health.languages == {}

    def test_missing_documents_cap_the_recall(self, tmp_path: Path) -> None:
        # q1 finds 1 of 2, q2 all of 1, q3 none of 1: (1/2 + 1 + 0) / 3. A grade of 0 caps nothing.
        rows = Rows(
            documents(d1="a", d2="b"),
            queries(q1="a", q2="b", q3="c"),
            judgments("q1 d1 1", "q1 gone 2", "q2 d2 1", "q3 lost 1", "q3 away 0"),
        )
        finding = finding_of(report(tmp_path, rows), "unknown-documents")
        assert finding.message == "3 judgments of documents that the corpus lacks, 2 of them relevant"
        assert finding.consequence.startswith(
            "recall can reach 0.500 at most, as a mean over 3 scored queries"
        )
        assert finding.examples == ("gone (for q1)", "lost (for q3)", "away (for q3)")

    def test_missing_documents_that_are_not_relevant_do_not_cap_the_recall(self, tmp_path: Path) -> None:
        rows = Rows(judgments_=judgments("q1 d1 1", "q1 gone 0"))
        assert "no score changes" in finding_of(report(tmp_path, rows), "unknown-documents").consequence

    def test_queries_that_are_not_scored(self, tmp_path: Path) -> None:
        rows = Rows(
            queries_=queries(q1="a", q2="b", q3="c", q4="d"),
            judgments_=judgments("q1 d1 1", "q3 d1 0", "q3 d2 -1"),
        )
        health = report(tmp_path, rows)
        assert finding_of(health, "unjudged-queries").examples == ("q2", "q4")
        assert finding_of(health, "no-relevant-document").examples == ("q3",)

    def test_no_judgments_yet(self, tmp_path: Path) -> None:
        health = report(tmp_path, Rows(judgments_=[]))
        assert codes(health) == {"no-judgments"}
        assert not health.blocking
        assert health.detectable is None
        assert health.judged_per_query == Histogram()

    def test_empty_documents_are_not_duplicates(self, tmp_path: Path) -> None:
        health = report(tmp_path, Rows(documents(d1="a", d2="", d3=" \n")))
        assert codes(health) == {"empty-documents"}
        assert finding_of(health, "empty-documents").examples == ("d2", "d3")

    def test_duplicates_are_listed_with_the_first_document_of_the_same_text(self, tmp_path: Path) -> None:
        rows = [
            *documents(d1="a", d2="same text"),
            Document("d3", "same", "text"),
            *documents(d4="same text "),
        ]
        finding = finding_of(report(tmp_path, Rows(rows)), "duplicate-documents")
        assert (finding.count, finding.examples) == (2, ("d3 repeats d2", "d4 repeats d2"))

    def test_an_unjudged_duplicate_of_a_relevant_document_is_a_miss(self, tmp_path: Path) -> None:
        # q1: a1 is relevant, a2 judged, a3 not: 1. q2: a2 is relevant, a1 and a3 not judged: 2. q3: b1 is not relevant.
        rows = Rows(
            documents(a1="a", a2="a", a3="a", b1="b", b2="b"),
            queries(q1="x", q2="y", q3="z"),
            judgments("q1 a2 0", "q1 a1 1", "q2 a2 2", "q3 b1 0"),
        )
        finding = finding_of(report(tmp_path, rows), "missed-duplicates")
        assert finding.count == 3
        assert finding.examples == (
            "a3 repeats a1, which is relevant to q1",
            "a1 repeats a2, which is relevant to q2",
        )

    def test_judged_duplicates_are_no_misses(self, tmp_path: Path) -> None:
        rows = Rows(documents(a1="a", a2="a"), judgments_=judgments("q1 a1 1", "q1 a2 1"))
        assert codes(report(tmp_path, rows)) == {"duplicate-documents"}

    def test_repeated_queries(self, tmp_path: Path) -> None:
        rows = Rows(queries_=queries(q1="a", q2="a"), judgments_=judgments("q1 d1 1", "q2 d1 1"))
        assert finding_of(report(tmp_path, rows), "repeated-queries").examples == ("q2 repeats q1",)

    @pytest.mark.parametrize(("exclude_self", "severity"), [(False, "warning"), (True, "note")])
    def test_ids_of_both_a_query_and_a_document_are_a_warning_until_a_choice_is_made(
        self, tmp_path: Path, exclude_self: bool, severity: str
    ) -> None:
        rows = Rows(documents(q1="a", d1="b"))
        finding = finding_of(report(tmp_path, rows, exclude_self=exclude_self), "self-ids")
        assert (finding.severity, finding.examples) == (severity, ("q1",))

    def test_judgments_of_unknown_queries_are_reported_although_left_out(self, tmp_path: Path) -> None:
        finding = finding_of(
            report(tmp_path, Rows(judgments_=judgments("q1 d1 1", "gone d1 1"))), "unknown-queries"
        )
        assert (finding.severity, finding.count) == ("warning", 1)

    def test_notes_of_the_import_are_reported(self, tmp_path: Path) -> None:
        note = ImportNote("other-splits", 1, "only test.tsv is used", ("dev.tsv",))
        finding = finding_of(report(tmp_path, Rows(notes_=[note])), "other-splits")
        assert (finding.severity, finding.message, finding.examples) == (
            "note",
            "only test.tsv is used",
            ("dev.tsv",),
        )

    def test_few_queries_show_only_large_differences(self, tmp_path: Path) -> None:
        rows = Rows(queries_=queries(q1="a", q2="b"), judgments_=judgments("q1 d1 1", "q2 d1 1"))
        finding = finding_of(report(tmp_path, rows), "few-queries")
        assert finding.message == "only 2 queries to score"
        assert "only differences of 0.50 and more" in finding.consequence  # 2.802 * 0.25 / sqrt(2) = 0.495


class TestNumbers:
    def test_grades_and_judged_documents(self, tmp_path: Path) -> None:
        rows = Rows(
            queries_=queries(q1="a", q2="b", q3="c"), judgments_=judgments("q1 d1 2", "q1 d2 0", "q2 d1 2")
        )
        health = report(tmp_path, rows)
        assert health.grades == {0: 1, 2: 2}
        assert health.judged_per_query == Histogram((0, 1, 2, 3), (1, 1, 1))  # q3, q2, q1

    def test_words_of_title_and_text_count(self, tmp_path: Path) -> None:
        rows = Rows(
            [Document("d1", "A title", "and text"), *documents(d2="one")], queries(q1="three short words")
        )
        health = report(tmp_path, rows)
        assert health.document_words == Histogram((0, 1, 2, 3, 4, 5), (0, 1, 0, 0, 1))
        assert health.query_words == Histogram((0, 1, 2, 3, 4), (0, 0, 0, 1))

    def test_the_share_that_an_encoder_would_truncate(self, tmp_path: Path) -> None:
        rows = Rows(documents(d1="one two", d2="one two three", d3="one", d4="1 2 3 4"))
        (truncation,) = examine(stage(rows, tmp_path), [TokenCounter("words", 2, count_words)]).truncation
        assert truncation == Truncation("words", max_length=2, share=0.5, sampled=4)

    def test_tokens_are_counted_in_a_sample_of_the_whole_corpus(self, tmp_path: Path) -> None:
        rows = [Document(f"d{n}", "", "long " * (10 if n < 1500 else 1)) for n in range(6000)]
        (truncation,) = examine(
            stage(Rows(rows), tmp_path), [TokenCounter("words", 5, count_words)]
        ).truncation
        assert truncation == Truncation("words", 5, share=0.25, sampled=2000)

    def test_languages_by_share(self, tmp_path: Path) -> None:
        english = "The starter should double in size within a few hours after feeding"
        german = "Der Teig muss in der Wärme einige Stunden gehen, bevor er gebacken wird"
        health = report(tmp_path, Rows(documents(d1=english, d2=german, d3=f"{english} again", d4="17 42")))
        assert health.languages == {"en": 0.5, "de": 0.25, "unknown": 0.25}

    def test_the_difference_that_can_be_detected(self, tmp_path: Path) -> None:
        assert report(tmp_path, HEALTHY).detectable == pytest.approx(
            0.099, abs=0.0005
        )  # 2.802 * 0.25 / sqrt(50)


class TestHistogram:
    def test_every_number_has_a_bin_where_there_are_few(self) -> None:
        assert Histogram.of(np.array([3, 0, 3])) == Histogram((0, 1, 2, 3, 4), (1, 0, 0, 2))

    def test_the_last_bin_holds_the_long_tail(self) -> None:
        # 99 % are below 100, which 20 bins of 5 cover.
        histogram = Histogram.of(np.array([*range(100)] * 10 + [5000]))
        assert histogram.edges == (*range(0, 100, 5), 5001)
        assert histogram.counts == (50,) * 19 + (51,)

    @given(st.lists(st.integers(0, 10**7), max_size=30))
    def test_nothing_is_lost(self, values: list[int]) -> None:
        histogram = Histogram.of(np.array(values, dtype=np.int64))
        assert sum(histogram.counts) == len(values)
        assert len(histogram.counts) <= 20
        assert list(histogram.edges) == sorted(set(histogram.edges))


class TestForms:
    ROWS = Rows(
        documents(d1="same text", d2="same text", d3="", q1="other"),
        queries(q1="a", q2="a", q3="b"),
        judgments("q1 d1 1", "q1 gone 2", "q2 d2 0", "nobody d1 1"),
    )

    def test_json_and_back(self, tmp_path: Path) -> None:
        staged = stage(self.ROWS, tmp_path)
        health = examine(staged, [TokenCounter("words", 2, count_words)])
        assert HealthReport.from_json(json.loads(json.dumps(health.to_json()))) == health

    def test_a_stored_dataset_has_the_report_it_had_before(
        self, tmp_path: Path, store: ArtifactStore
    ) -> None:
        staged = stage(self.ROWS, tmp_path / "staged")
        before = examine(staged)
        dataset = StoredDataset.open(store, publish(staged, store).fingerprint)
        assert examine_stored(dataset) == before
        assert len(before.findings) == 10
