"""What is recognised in folders as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, RunPart, Table
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.staging.from_tables import open_source
from tests.unit.datasets.recognition.recognising import DATA, read_all, reading, write


class TestExamples:
    @pytest.mark.parametrize("name", ["csv", "tsv", "json", "parquet", "excel", "decision-record"])
    def test_the_same_content_in_another_format(self, name: str) -> None:
        beir = read_all(DATA / "beir", reading(DATA / "beir"))
        assert read_all(DATA / name, reading(DATA / name)) == beir

    @pytest.mark.parametrize("name", ["smart", "trec"])
    def test_formats_without_tags(self, name: str) -> None:
        documents, queries, judgments = read_all(DATA / "beir", reading(DATA / "beir"))
        recognised = read_all(DATA / name, reading(DATA / name))
        assert (recognised[0], recognised[2]) == (documents, judgments)
        assert [query[:2] for query in recognised[1]] == [query[:2] for query in queries]

    def test_a_run_belongs_to_the_dataset(self) -> None:
        assert reading(DATA / "trec").runs == (RunPart(Table("first-words.run", "run")),)

    def test_triples_of_texts(self) -> None:
        triples = Table("triples.csv", "csv")
        recognised = reading(DATA / "triples")
        assert recognised == Reading(
            CorpusPart(triples, ("passage",)),
            QueriesPart(triples, "question"),
            QrelsPart(triples, "question", ("passage",), ("grade",), query_by="text", document_by="text"),
        )
        documents, queries, judgments = read_all(DATA / "triples", recognised)
        assert (len(documents), len(queries), len(judgments)) == (10, 10, 19)

    def test_questions_with_the_documents_that_answer_them(self) -> None:
        recognised = reading(DATA / "questions")
        assert recognised.qrels == QrelsPart(
            Table("questions.csv", "csv"), "question", ("expected document",), query_by="text"
        )
        assert list(map(len, read_all(DATA / "questions", recognised))) == [10, 10, 10]

    def test_a_folder_of_texts_and_a_table_of_questions(self) -> None:
        recognised = reading(DATA / "texts")
        assert recognised.corpus == CorpusPart(Table("notes", "texts"), ("text",), "id", "title")
        documents, _, judgments = read_all(DATA / "texts", recognised)
        assert {judgment.doc_id for judgment in judgments} == {document.doc_id for document in documents}

    @pytest.mark.parametrize("folder", sorted(path for path in DATA.iterdir() if path.is_dir()))
    def test_the_result_can_be_written_as_json_and_read_back(self, folder: Path) -> None:
        recognised = recognise(folder)
        assert Recognised.from_json(json.loads(json.dumps(recognised.to_json()))) == recognised


class TestFolders:
    BEIR = {"corpus.jsonl": '{"_id": "d", "text": "a b"}', "queries.jsonl": '{"_id": "q", "text": "c d"}'}

    def test_a_folder_inside_a_folder(self, tmp_path: Path) -> None:
        write(tmp_path, {f"my data/set/{name}": content for name, content in self.BEIR.items()})
        write(tmp_path, {"__MACOSX/my data/._corpus.jsonl": "x", ".DS_Store": "x", "my data/set/.x": "x"})
        recognised = reading(tmp_path)
        assert (recognised.format, recognised.corpus.table.file) == ("BEIR", "my data/set/corpus.jsonl")
        assert recognised.ignored == ()

    def test_ignored_files_are_listed(self, tmp_path: Path) -> None:
        write(tmp_path, {**self.BEIR, "README.md": "# read", "logo.png": "x", "extra.csv": "a,b\n1,2\n"})
        assert reading(tmp_path).ignored == ("README.md", "extra.csv", "logo.png")

    def test_the_test_split_counts(self, tmp_path: Path) -> None:
        splits = {f"qrels/{split}.tsv": "q\td\t1\n" for split in ("dev", "test", "train")}
        recognised = reading(write(tmp_path, {**self.BEIR, **splits}))
        assert recognised.qrels is not None
        assert recognised.qrels.table == Table("qrels/test.tsv", "qrels")
        (note,) = open_source(tmp_path, recognised).notes()
        assert (note.code, note.count) == ("other-splits", 2)
        assert note.examples == ("qrels/dev.tsv", "qrels/train.tsv")

    def test_splits_beside_the_corpus(self, tmp_path: Path) -> None:
        rows = "query,document\nq,d\n"
        folder = write(
            tmp_path, {**_csv(), "qrels.train.csv": rows, "qrels.test.csv": rows, "notes.txt": "a b"}
        )
        recognised = reading(folder)
        assert recognised.qrels is not None
        assert recognised.qrels.table.file == "qrels.test.csv"
        assert open_source(folder, recognised).notes()[0].examples == ("qrels.train.csv",)


def _csv(
    corpus: str = "id,text\nd,some words\n", queries: str = "id,query\nq,what words\n"
) -> dict[str, str]:
    return {"corpus.csv": corpus, "queries.csv": queries}


class TestColumns:
    def test_names_determine_the_columns(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "a.csv": "Doc ID,Headline,Body\nd1,One,first of all\n",
                "b.csv": "Query-ID,Search Query\nq1,what is first\n",
                "c.csv": "query_id,doc_id,relevance\nq1,d1,2\n",
            },
        )
        assert reading(folder) == Reading(
            CorpusPart(Table("a.csv", "csv"), ("Body",), "Doc ID", "Headline"),
            QueriesPart(Table("b.csv", "csv"), "Search Query", "Query-ID"),
            QrelsPart(Table("c.csv", "csv"), "query_id", ("doc_id",), ("relevance",)),
        )

    def test_content_determines_columns_whose_names_do_not(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "one.csv": f"nummer,was\nd1,{'a long text about feeding a starter ' * 5}\nd2,{'another ' * 20}\n",
                "two.csv": "nummer,wie\nq1,how to feed\nq2,what else\n",
            },
        )
        recognised = reading(folder)
        assert recognised.corpus == CorpusPart(Table("one.csv", "csv"), ("was",), "nummer")
        assert recognised.queries == QueriesPart(Table("two.csv", "csv"), "wie", "nummer")

    def test_ids_and_texts_in_one_table(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "pairs.csv": "query_id,query,doc_id,passage,label\n"
                "q1,what is it,d1,it is this,1\nq1,what is it,d2,it is that,0\nq2,and why,d1,it is this,0\n"
            },
        )
        pairs = Table("pairs.csv", "csv")
        recognised = reading(folder)
        assert recognised == Reading(
            CorpusPart(pairs, ("passage",), "doc_id"),
            QueriesPart(pairs, "query", "query_id"),
            QrelsPart(pairs, "query_id", ("doc_id",), ("label",)),
        )
        assert list(map(len, read_all(folder, recognised))) == [2, 2, 3]

    def test_an_answer_in_words_beside_a_corpus_is_no_document(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus.csv": "id,text\nd1,some long words\n",
                "faq.csv": "id,question,answer\n1,why is it,because it is\n",
            },
        )
        recognised = reading(folder)
        assert recognised.queries == QueriesPart(Table("faq.csv", "csv"), "question", "id")
        assert recognised.qrels is None

    def test_a_question_may_repeat_the_passage_it_expects(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus.csv": "id,text\nd1,some long words\nd2,other long words\n",
                "questions.csv": "question,expected passage\nwhich ones,other  long words\n",
            },
        )
        _, queries, judgments = read_all(folder, reading(folder))
        ((query_id, *_),) = queries
        assert judgments == [(query_id, "d2", 1)]

    def test_known_members_of_a_json_file(self, tmp_path: Path) -> None:
        content = {"queries": {"q": "a b"}, "corpus": {"d": "c d"}, "relevant_docs": {"q": ["d"]}}
        write(tmp_path, {"dataset.json": json.dumps(content)})
        assert read_all(tmp_path, reading(tmp_path))[2] == [("q", "d", 1)]

    def test_json_lines_in_a_file_named_json(self, tmp_path: Path) -> None:
        write(tmp_path, {"corpus.json": '{"id": "d", "text": "a b"}\n{"id": "e", "text": "c"}\n'})
        (info,) = recognise(tmp_path).tables
        assert info.table == Table("corpus.json", "jsonl")
        assert info.sample[0] == {"id": "d", "text": "a b"}

    def test_samples_are_short(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.csv": "id,text\n" + f"d,{'x' * 1000}\n" * 10})
        (info,) = recognise(tmp_path).tables
        assert (len(info.sample), len(info.sample[0]["text"]), info.bytes) == (5, 300, 10_038)

    def test_cranfield_numbers_its_queries(self, cranfield: Path, tmp_path: Path) -> None:
        for name in ("cran.all.1400", "cran.qry", "cranqrel"):
            (tmp_path / name).write_bytes((cranfield / name).read_bytes())
        recognised = reading(tmp_path)
        assert recognised.queries == QueriesPart(Table("cran.qry", "smart"), "text", "number")
        beir = read_all(cranfield, reading(cranfield))
        documents, queries, judgments = read_all(tmp_path, recognised)
        assert (documents, queries) == beir[:2]
        assert set(judgments) == set(beir[2])


class TestProblems:
    def test_no_dataset_at_all(self, tmp_path: Path) -> None:
        write(tmp_path, {"images/logo.png": "x"})
        recognised = recognise(tmp_path)
        assert recognised.reading is None
        assert recognised.problems[0].startswith(
            "holds no dataset that is recognised. Found: images/. Expected "
        )

    def test_without_queries_it_asks_whether_the_documents_come_alone(self, tmp_path: Path) -> None:
        write(tmp_path, {"corpus.csv": _csv()["corpus.csv"]})
        recognised = recognise(tmp_path)
        assert recognised.reading is not None
        assert (recognised.reading.queries, recognised.reading.qrels) == (None, None)
        (doubt,) = recognised.doubts_left({})
        assert str(doubt) == (
            "no queries were found: a table needs a column named query or question. store the documents of corpus.csv "
            "alone, and add queries later: --set queries=none."
        )
        assert recognised.doubts_left({"queries": None}) == []

    def test_no_documents(self, tmp_path: Path) -> None:
        write(tmp_path, {"queries.csv": _csv()["queries.csv"]})
        assert "no table of documents was found: one needs a column of texts." in recognise(tmp_path).problems

    def test_a_choice_that_is_a_guess_is_doubtful(self, tmp_path: Path) -> None:
        write(tmp_path, {**_csv(), "docs.csv": "id,text\nd,other words here\n"})
        recognised = recognise(tmp_path)
        assert recognised.reading is not None
        assert recognised.reading.corpus.table.file == "docs.csv"  # its texts are longer
        (doubt,) = recognised.doubts
        assert doubt.question.startswith("which of docs.csv, corpus.csv is the corpus is not clear")

    def test_a_file_that_cannot_be_opened_is_named(self, tmp_path: Path) -> None:
        write(tmp_path, {**_csv(), "qrels.xlsx": "no workbook"})
        recognised = recognise(tmp_path)
        assert recognised.reading is not None
        (problem,) = recognised.problems
        assert problem.startswith("qrels.xlsx: not an .xlsx workbook")

    @pytest.mark.parametrize("first", ["7,a passage", f"d1,{'a long passage ' * 9}"])
    def test_a_table_without_a_header(self, tmp_path: Path, first: str) -> None:
        write(tmp_path, {**_csv(corpus=f"{first}\n8,another passage\n")})
        recognised = recognise(tmp_path)
        (doubt,) = recognised.doubts
        assert doubt.question.startswith("the first row of corpus.csv looks like a row of its own")
        assert doubt.options[0].typed == "--set corpus.table.header=0"
        assert recognised.reading is not None
        assert len(read_all(tmp_path, recognised.reading)[0]) == 2

    def test_a_table_that_cannot_be_read_at_all(self, tmp_path: Path) -> None:
        write(tmp_path, {**_csv(), "qrels.csv": "a,a\nq,d\n"})
        (problem,) = recognise(tmp_path).problems
        assert problem.startswith("qrels.csv:1: the header names 'a' twice")
