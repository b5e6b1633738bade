"""Looking into a dataset: pages, searches, and single rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.datasets import canonical
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Document
from evaluator.errors import UnknownNameError
from evaluator.library import browsing, catalog
from evaluator.library.browsing import Page
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset


@pytest.fixture
def dataset(
    library: Workspace, write_dataset: WriteDataset, monkeypatch: pytest.MonkeyPatch
) -> StoredDataset:
    """Ten documents in row groups of three, ten queries; q1 has four judgments, one of an unknown document."""
    monkeypatch.setattr(canonical, "ROW_GROUP_ROWS", 3)
    qrels = {0: {0: 1}, 1: {4: 0, 99: 2, 1: 1, 2: 1}, 2: {0: 0}}
    return catalog.load(library, catalog.import_folder(library, write_dataset(qrels=qrels)))


def ids(page: Page[Document]) -> list[str]:
    return [document.doc_id for document in page.rows]


def test_pages_of_documents(dataset: StoredDataset) -> None:
    first = browsing.documents(dataset, limit=4)
    assert (ids(first), first.more, first.total) == (["d0", "d1", "d2", "d3"], True, 10)
    last = browsing.documents(dataset, offset=8, limit=4)
    assert (ids(last), last.more, last.total) == (["d8", "d9"], False, 10)
    beyond = browsing.documents(dataset, offset=10)
    assert (ids(beyond), beyond.more, beyond.total) == ([], False, 10)


def test_a_search_matches_ids_titles_and_texts_and_ignores_case(dataset: StoredDataset) -> None:
    assert ids(browsing.documents(dataset, "D7")) == ["d7"]
    page = browsing.documents(dataset, "BOUNDARY layer")
    assert (ids(page), page.more, page.total) == (["d1", "d6"], False, 2)
    assert browsing.documents(dataset, ".*").rows == ()


def test_a_search_reads_no_further_than_its_page(dataset: StoredDataset) -> None:
    page = browsing.documents(dataset, "d", limit=2)
    assert (ids(page), page.more, page.total) == (["d0", "d1"], True, None)


@given(search=st.sampled_from(["", "a", "flow", "d1", "of a"]), limit=st.integers(1, 11))
def test_the_pages_of_a_search_together_have_all_matches(search: str, limit: int) -> None:
    dataset = _stored[0]
    doc_ids: list[str] = []
    while True:
        page = browsing.documents(dataset, search, len(doc_ids), limit)
        doc_ids += ids(page)
        if not page.more:
            break
    assert doc_ids == [f"d{n}" for n, topic in enumerate(TOPICS) if search in topic or search in f"d{n}"]
    assert page.total == len(doc_ids)


_stored: list[StoredDataset] = []


@pytest.fixture(autouse=True)
def _store(dataset: StoredDataset) -> None:
    """For the property test: hypothesis and fixtures of a function do not go together."""
    _stored[:] = [dataset]


def test_queries_know_their_judgments(dataset: StoredDataset) -> None:
    page = browsing.queries(dataset, limit=4)
    assert [(row.query.query_id, row.judged, row.relevant) for row in page.rows] == [
        ("q0", 1, 1),
        ("q1", 4, 3),
        ("q2", 1, 0),
        ("q3", 0, 0),
    ]
    assert [row.query.query_id for row in browsing.queries(dataset, "panel flutter").rows] == ["q3"]


def test_pages_of_judgments(dataset: StoredDataset) -> None:
    assert [tuple(row) for row in browsing.judgments(dataset, "q1", limit=2).rows] == [
        ("q1", "d4", 0),
        ("q1", "d99", 2),
    ]
    assert browsing.judgments(dataset).total == 6


def test_a_document_by_its_id(dataset: StoredDataset) -> None:
    assert browsing.document(dataset, "d5").text == TOPICS[5]
    with pytest.raises(UnknownNameError, match="no document with the id 'd99'"):
        browsing.document(dataset, "d99")


def test_a_query_with_its_judgments_the_best_first(dataset: StoredDataset) -> None:
    query = browsing.judged_query(dataset, "q1")
    assert [(row.doc_id, row.grade) for row in query.judged] == [
        ("d99", 2),
        ("d1", 1),
        ("d2", 1),
        ("d4", 0),
    ]
    assert query.judged[0].document is None
    assert query.judged[1].document == Document("d1", "", TOPICS[1])
    with pytest.raises(UnknownNameError, match="no query with the id 'q99'"):
        browsing.judged_query(dataset, "q99")
