"""The meaning of columns once it is known which table is the corpus, which the queries and which the judgments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from evaluator.datasets.reading import CorpusPart, MeantBy, QrelsPart, QueriesPart
from evaluator.datasets.recognition.doubts import Doubt, Option
from evaluator.datasets.recognition.grades import combine_of, grade_of
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.names import ANSWER, GRADE, ID, NO_GRADE, TAGS, family, plain
from evaluator.datasets.recognition.references import Reference, References

NAMED_QRELS, QRELS_KIND, DOCUMENT_SHARE, QUERY_SHARE, BY_NAME, TOGETHER = 1.0, 3.0, 3.0, 1.5, 0.5, 1.5
"""What a table scores as judgments: by its name and kind, by what its columns refer to, or are called, and for being
the queries, too."""


class Columns:
    """The columns of three tables: how judgments refer to queries and documents."""

    def __init__(
        self,
        corpus: InspectedTable,
        queries: InspectedTable,
        qrels: InspectedTable | None,
        references: References,
    ) -> None:
        self._corpus = corpus
        self._queries = queries
        self._qrels = qrels
        self._references = references

    @cached_property
    def score(self) -> float:
        """How well the table of judgments fits the others; `-inf` if it names no documents or no queries."""
        qrels = self._qrels
        if qrels is None:
            return 0.0
        if self.query is None or not self.judged:
            return -math.inf
        documents = [reference for column, reference in self.judged if column not in qrels.negatives]
        share = max((reference.share for reference in documents), default=0.0)
        score = NAMED_QRELS * (qrels.named == "qrels") + QRELS_KIND * (qrels.table.kind == "qrels")
        score += max(DOCUMENT_SHARE * share, BY_NAME)
        if qrels is self._queries:
            return score + TOGETHER
        return score + max(QUERY_SHARE * self.query[1].share, BY_NAME)

    @cached_property
    def query(self) -> tuple[str, Reference] | None:
        """The column of the judgments that refers to a query, and how."""
        qrels = self._qrels
        if qrels is None:
            return None
        if qrels is self._queries:
            text = query_column(qrels)
            if self.own_id is not None:
                return self.own_id, Reference("id", self.own_id, 1.0)
            return None if text is None else (text, Reference("text", text, 1.0))
        if qrels.table.kind == "qrels":
            return "query", self._references.of(qrels, "query", self._queries)
        by_name = {qrels.query_id: BY_NAME, qrels.query_text: BY_NAME}
        scored = [
            (DOCUMENT_SHARE * reference.share + by_name.get(column, 0.0), column, reference)
            for column in qrels.columns
            if column not in self._unlikely
            for reference in [self._references.of(qrels, column, self._queries)]
            if reference.is_sure or column in by_name
        ]
        if not scored:
            return None
        _, column, reference = max(scored, key=lambda found: found[0])
        by: MeantBy = reference.by if reference.share else "text" if qrels.is_textual(column) else "id"
        return column, Reference(by, reference.to, reference.share, reference.n)

    @cached_property
    def own_id(self) -> str | None:
        """The column of the queries' own ids."""
        queries = self._queries
        if queries.query_id is not None and queries.query_id != query_column(queries):
            return queries.query_id
        no_id = {
            query_column(queries),
            queries.document_id,
            *queries.expected,
            *queries.negatives,
            *queries.excluded,
        }
        for column in queries.ids:
            may_be = column not in no_id and not self._is_reference(column)
            if may_be and (self._qrels is not queries or queries.identifies(column)):
                return column
        return None

    def _is_reference(self, column: str) -> bool:
        """Whether a column of the queries refers to documents; numbers may be ids of both by chance."""
        queries = self._queries
        if plain(column) in ID or all(value.isdecimal() for value in queries.values(column)):
            return False
        return self._references.of(queries, column, self._corpus).is_sure

    @cached_property
    def judged(self) -> list[tuple[str, Reference]]:
        """The columns of the judgments that refer to documents, relevant or not, and how."""
        qrels = self._qrels
        if qrels is None or self.query is None:
            return []
        if qrels is self._corpus:
            return self._judged_here(qrels)
        if qrels.table.kind == "qrels":
            return [("document", self._references.of(qrels, "document", self._corpus))]
        taken = {self.query[0], *self._own(qrels)}
        left = [c for c in qrels.columns if c not in taken and c not in (*qrels.excluded, *qrels.from_system)]
        found = [(c, self._references.of(qrels, c, self._corpus)) for c in left]
        negatives = [(c, r) for c, r in found if c in qrels.negatives and r.is_sure]
        sure = [(c, r) for c, r in found if r.is_sure and c not in qrels.negatives]
        named = [(c, r) for c, r in sure if c in qrels.expected]
        unnamed = [(c, r) for c, r in sure if c not in self._unlikely]
        return [*self._alike(named or unnamed or self._by_name(found)), *negatives]

    def _own(self, qrels: InspectedTable) -> list[str | None]:
        """The columns of the queries, if they are in the table of judgments."""
        return [self.own_id, query_column(qrels)] if qrels is self._queries else []

    def _judged_here(self, qrels: InspectedTable) -> list[tuple[str, Reference]]:
        """The columns of documents in a table that is also the corpus."""
        negatives = [(column, Reference("text", column, 1.0)) for column in qrels.negatives]
        if qrels.document_id is not None and not negatives:
            return [(qrels.document_id, Reference("id", qrels.document_id, 1.0))]
        column = qrels.document_text
        return [] if column is None else [(column, Reference("text", column, 1.0)), *negatives]

    def _by_name(self, found: Sequence[tuple[str, Reference]]) -> list[tuple[str, Reference]]:
        """Columns that only their names make references: their values are found nowhere."""
        qrels = self._qrels
        names = [] if qrels is None else [qrels.document_id, *qrels.expected]
        for column, reference in found:
            if qrels is not None and column in names and plain(column) != ANSWER:
                by: MeantBy = "text" if qrels.is_textual(column) else "id"
                return [(column, Reference(by, reference.to, reference.share, reference.n))]
        return []

    def _alike(self, found: list[tuple[str, Reference]]) -> list[tuple[str, Reference]]:
        """The best of these columns, and those that go with it: `doc1`, `doc2`. Ids come before texts."""
        by_id = [(column, reference) for column, reference in found if reference.by == "id"]
        columns = by_id or found
        if not columns:
            return []
        best, _ = max(columns, key=lambda pair: (pair[1].share, pair[1].n))
        return [(column, reference) for column, reference in columns if family(column) == family(best)]

    @cached_property
    def rivals(self) -> list[str]:
        """Columns that may hold the relevant documents just as well as those that were chosen."""
        qrels, chosen = self._qrels, {column for column, _ in self.judged}
        if qrels is None or qrels is self._corpus or self.query is None:
            return []
        first = next((reference for _, reference in self.judged), Reference())
        skipped = {
            *chosen,
            self.query[0],
            *self._own(qrels),
            *qrels.negatives,
            *qrels.excluded,
            *qrels.from_system,
            *self._unlikely,
        }
        certain = any(column in qrels.expected or column == qrels.document_id for column in chosen)
        return [
            column
            for column in qrels.columns
            if column not in skipped
            and (reference := self._references.of(qrels, column, self._corpus)).is_sure
            and reference.by == first.by
            and (column in qrels.expected or not certain)
        ]

    @cached_property
    def _unlikely(self) -> frozenset[str]:
        """Columns that, by their names, are numbers of another kind: few numbers are ids by chance."""
        columns = () if self._qrels is None else self._qrels.columns
        if self._qrels is not None and self._qrels.table.kind == "qrels":
            return frozenset({"grade"})
        return frozenset(column for column in columns if plain(column) in {*GRADE, *NO_GRADE} - {"id"})


class ReadColumns(Columns):
    """The parts of a reading, from the columns."""

    @cached_property
    def doubts(self) -> list[Doubt]:
        """What is not clear about the parts that were asked for."""
        return []

    def corpus(self) -> CorpusPart:
        """The documents."""
        corpus = self._corpus
        if corpus is self._qrels:
            texts = [column for column, reference in self.judged if reference.by == "text"]
            text = corpus.document_text or corpus.columns[-1]
            apart = tuple(column for column in texts if column != text)
            doc_id = None if apart else corpus.document_id
            return CorpusPart(
                corpus.table, (text,), doc_id if doc_id != text else None, self._title(text), apart
            )
        text = corpus.text or corpus.columns[-1]
        referred = next((reference.to for _, reference in self.judged if reference.by == "id"), None)
        named = corpus.document_id or corpus.id
        doc_id = referred if referred is not None else named
        return CorpusPart(corpus.table, (text,), doc_id if doc_id != text else None, self._title(text))

    def _title(self, text: str) -> str | None:
        return self._corpus.title if self._corpus.title != text else None

    def queries(self) -> QueriesPart:
        """The queries."""
        queries = self._queries
        text = query_column(queries) or queries.columns[-1]
        query_id = self.own_id
        if self._qrels is not queries and self.query is not None and self.query[1].by == "id":
            query_id = self.query[1].to or query_id
        tags = TAGS if TAGS in queries.columns else None
        excluded = tuple(
            column
            for column in queries.excluded
            if self._corpus is not queries and self._references.of(queries, column, self._corpus).n
        )
        return QueriesPart(queries.table, text, query_id if query_id != text else None, tags, excluded)

    def qrels(self) -> QrelsPart | None:
        """The judgments, if there are any."""
        qrels = self._qrels
        if qrels is None or self.query is None:
            self._ask_about_unmatched()
            return None
        query, by = self.query
        positive = [(c, r) for c, r in self.judged if c not in qrels.negatives]
        negative = [column for column, _ in self.judged if column in qrels.negatives]
        documents = [column for column, _ in positive] or negative[:1]
        document_by = (positive or self.judged)[0][1].by
        used = {query, *documents, *negative, *self._used_elsewhere()}
        pairs = len(documents) == 1 and (qrels is not self._queries or qrels.repeats(query))
        grade, doubts = grade_of(qrels, used, pairs=pairs)
        self.doubts += doubts
        if pairs and not doubts:
            self.doubts += combine_of(qrels, query, documents[0], grade)
        if self.rivals:
            self._ask_which(qrels, documents)
        return QrelsPart(
            qrels.table,
            query,
            tuple(documents),
            grade,
            by.by,
            document_by,
            negative=tuple(column for column in negative if column not in documents),
        )

    def _used_elsewhere(self) -> set[str]:
        """Columns of the judgments' table that belong to the queries or documents in it."""
        qrels = self._qrels
        used: set[str | None] = set()
        if qrels is self._queries:
            used |= {query_column(self._queries), self.own_id, TAGS, *self._queries.excluded}
        if qrels is self._corpus:
            used |= {self._corpus.document_text, self._corpus.document_id, self._corpus.title}
        return {column for column in used if column is not None}

    def _ask_which(self, qrels: InspectedTable, documents: Sequence[str]) -> None:
        options = [
            Option(f"the column {column!r}", {"qrels.document": column})
            for column in (*documents, *self.rivals)
        ]
        both = Option("all of them", {"qrels.document": [*documents, *self.rivals]})
        listed = ", ".join(map(repr, (*documents, *self.rivals)))
        self.doubts.append(
            Doubt(
                f"{qrels.table}: {listed} refer to documents; which of them hold the relevant ones?",
                (*options, both),
            )
        )

    def _ask_about_unmatched(self) -> None:
        """Ask about columns that are called like references to documents, but refer to none."""
        queries = self._queries
        expected = [
            column
            for column in queries.expected
            if plain(column) != ANSWER and column not in (query_column(queries), self.own_id)
        ]
        for column in expected:
            first = next(queries.values(column), "")
            self.doubts.append(
                Doubt(
                    f"{queries.table}: {column!r} could be the relevant documents, but none of its values is the id or "
                    f"text of a document (the first is {first[:40]!r}); give both the same ids, or go on.",
                    (Option("go on without judgments", {"qrels": None}),),
                )
            )


def query_column(inspected: InspectedTable) -> str | None:
    """The column of a query's text."""
    if inspected.table.kind == "topics":
        return "title" if inspected.length("title") else "desc"
    return inspected.query_text or inspected.text
