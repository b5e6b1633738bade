"""What is recognised in folders as people have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, RunPart, Table
from evaluator.datasets.recognition.doubts import changed
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.recognition.unused import unused
from evaluator.datasets.staging.from_tables import open_source
from evaluator.errors import DatasetError

DATA = Path(__file__).parents[3] / "data"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def reading(folder: Path) -> Reading:
    """The reading of a folder without doubts."""
    recognised = recognise(folder)
    assert (recognised.problems, recognised.doubts) == ((), ())
    assert recognised.reading is not None
    return recognised.reading


def read_all(folder: Path, recognised: Reading) -> tuple[list[Any], list[Any], list[Any]]:
    source = open_source(folder, recognised)
    parts = (source.documents(), source.queries(), source.judgments())
    documents, queries, judgments = ([row for _, row in rows] for rows in parts)
    assert not [row for row in (*documents, *queries, *judgments) if isinstance(row, DatasetError)]
    return documents, queries, judgments


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

    def test_no_queries(self, tmp_path: Path) -> None:
        write(tmp_path, {"corpus.csv": _csv()["corpus.csv"]})
        assert "no queries were found: a table needs a column named query or question." in (
            recognise(tmp_path).problems
        )

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


class TestReferences:
    """Columns whose values are ids or texts of documents, whatever they are called."""

    CORPUS = "id,text\nd1,about chains and gears\nd2,about brakes and pads\nd3,about wheels and spokes\n"

    def folder(self, tmp_path: Path, questions: str) -> Path:
        return write(tmp_path, {"corpus.csv": self.CORPUS, "questions.csv": questions})

    @pytest.mark.parametrize(
        "cell",
        [
            '"[""d1"", ""d2""]"',
            "\"['d1', 'd2']\"",
            "['d1' 'd2']",
            "\"[['d1'], ['d2']]\"",
            '"d1,d2"',
            "d1; d2",
            "d1 d2",
            "d1|d2",
        ],
    )
    def test_a_cell_that_lists_ids(self, tmp_path: Path, cell: str) -> None:
        folder = self.folder(tmp_path, f"question,ziel\nwhy does it slip,{cell}\nwhat is a spoke,d3\n")
        assert [row[1:] for row in read_all(folder, reading(folder))[2]] == [("d1", 1), ("d2", 1), ("d3", 1)]

    def test_several_columns_of_one_family(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, "question,doc_1,doc_2\nwhy does it slip,d1,d2\nwhat is a spoke,d3,\n")
        assert [row[1] for row in read_all(folder, reading(folder))[2]] == ["d1", "d2", "d3"]

    def test_texts_of_documents_in_a_list(self, tmp_path: Path) -> None:
        cell = "\"['about chains and gears', 'about brakes and pads']\""
        folder = self.folder(tmp_path, f"user_input,reference_contexts\nwhy does it slip,{cell}\n")
        assert [row[1] for row in read_all(folder, reading(folder))[2]] == ["d1", "d2"]

    def test_negatives_have_the_grade_0_and_excluded_documents_are_no_judgments(self, tmp_path: Path) -> None:
        folder = self.folder(
            tmp_path, "question,gold_ids,hard_negatives,excluded_ids\nwhy does it slip,d1,d2,d3\n"
        )
        _, queries, judgments = read_all(folder, reading(folder))
        assert [row[1:] for row in judgments] == [("d1", 1), ("d2", 0)]
        assert queries[0].excluded == ("d3",)

    def test_negative_texts_become_documents(self, tmp_path: Path) -> None:
        row = {
            "query": "why does it slip",
            "positive": ["about chains"],
            "negative": ["about brakes", "about wheels"],
        }
        write(tmp_path, {"rerank.jsonl": json.dumps(row)})
        documents, _, judgments = read_all(tmp_path, reading(tmp_path))
        assert [document.text for document in documents] == ["about chains", "about brakes", "about wheels"]
        assert [judgment.grade for judgment in judgments] == [1, 0, 0]

    def test_ids_that_are_nowhere_are_asked_about(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, "question,gold_ids\nwhy does it slip,x7\n")
        recognised = recognise(folder)
        assert recognised.reading is not None
        judged = recognised.reading.qrels is not None  # then the check blocks: no document is there
        assert judged or "could be the relevant documents" in recognised.doubts[0].question


class TestGrades:
    """What says how relevant a document is."""

    def judged(self, tmp_path: Path, header: str, *rows: str) -> Recognised:
        lines = "".join(f"{row}\n" for row in (f"query_id,doc_id,{header}", *rows))
        queries = "id,query\nq1,what is first\nq2,what is next\n"
        write(tmp_path, {"corpus.csv": TestReferences.CORPUS, "queries.csv": queries, "judgments.csv": lines})
        return recognise(tmp_path)

    @pytest.mark.parametrize("name", ["relevant", "is_relevant", "judgment", "Relevanz", "gain", "label"])
    def test_known_names(self, tmp_path: Path, name: str) -> None:
        recognised = self.judged(tmp_path, name, "q1,d1,1", "q1,d2,0", "q2,d3,1")
        assert not recognised.doubts
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, recognised.reading)[2]] == [1, 0, 1]

    def test_true_and_false(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "relevant", "q1,d1,TRUE", "q1,d2,FALSE", "q2,d3,True")
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, recognised.reading)[2]] == [1, 0, 1]

    def test_an_unknown_number_is_asked_about(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "stars", "q1,d1,1", "q1,d2,0", "q2,d3,1")
        (doubt,) = recognised.doubts
        assert doubt.question == "judgments.csv: is the column 'stars' the grade of the judgments?"
        assert [option.typed for option in doubt.options] == [
            "--set qrels.grade=stars",
            "--set qrels.grade=none",
        ]

    def test_ranks_and_raters_are_no_grades(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "rank,rater", "q1,d1,1,7", "q1,d2,2,7", "q2,d3,1,7")
        assert not recognised.doubts
        assert recognised.reading is not None
        assert recognised.reading.qrels is not None
        assert recognised.reading.qrels.grade is None

    @pytest.mark.parametrize(
        ("combine", "grades"), [("majority", [2, 0]), ("mean", [1, 1]), ("median", [2, 0])]
    )
    def test_several_raters(self, tmp_path: Path, combine: str, grades: list[int]) -> None:
        """2, 2, 0: mostly 2, mean 1.33, median 2. 0, 0, 2: mostly 0, mean 0.67 (rounded 1), median 0."""
        recognised = self.judged(tmp_path, "rater_1,rater_2,rater_3", "q1,d1,2,2,0", "q2,d3,0,0,2")
        (doubt,) = recognised.doubts
        option = next(o for o in doubt.options if o.changes.get("qrels.combine") == combine)
        assert recognised.reading is not None
        chosen = changed(recognised.reading, option.changes)
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == grades

    def test_raters_in_rows_of_their_own(self, tmp_path: Path) -> None:
        recognised = self.judged(
            tmp_path, "grade,rater", "q1,d1,2,ann", "q1,d1,0,bob", "q1,d1,2,eve", "q2,d3,1,ann"
        )
        (doubt,) = recognised.doubts
        assert "several grades for the same query" in doubt.question
        assert recognised.reading is not None
        chosen = changed(recognised.reading, {"qrels.combine": "majority"})
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == [2, 1]

    def test_words(self, tmp_path: Path) -> None:
        recognised = self.judged(tmp_path, "label", "q1,d1,Exact", "q1,d2,Irrelevant", "q2,d3,Partial")
        (doubt,) = recognised.doubts
        (option,) = doubt.options
        assert option.changes == {"qrels.grades": {"Exact": 2, "Partial": 1, "Irrelevant": 0}}
        assert recognised.reading is not None
        chosen = changed(recognised.reading, option.changes)
        assert [row.grade for row in read_all(tmp_path, chosen)[2]] == [2, 0, 1]

    @pytest.mark.parametrize(
        ("changes", "grades"), [({"qrels.cut": 0.5}, [1, 0, 1]), ({"qrels.scale": 4}, [4, 1, 2])]
    )
    def test_decimals(self, tmp_path: Path, changes: dict[str, Any], grades: list[int]) -> None:
        """0.95 times 4 is 3.8, rounded 4; 0.2 times 4 is 0.8, rounded 1."""
        recognised = self.judged(tmp_path, "score", "q1,d1,0.95", 'q1,d2,"0,2"', "q2,d3,0.5")
        (doubt,) = recognised.doubts
        assert "holds decimals from 0.2 to 0.95" in doubt.question
        assert recognised.reading is not None
        assert [row.grade for row in read_all(tmp_path, changed(recognised.reading, changes))[2]] == grades


class TestSeveralFiles:
    def test_shards_are_one_table(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus-2.csv": "id,text\nd3,about wheels and spokes\n",
                "corpus-1.csv": "id,text\nd1,about chains and gears\nd2,about brakes and pads\n",
                "queries.csv": "id,query\nq1,what is first\n",
                "qrels.csv": "query_id,doc_id,grade\nq1,d3,2\n",
            },
        )
        recognised = reading(folder)
        assert recognised.corpus.table == Table("corpus-1.csv", "csv", more=("corpus-2.csv",))
        documents, _, judgments = read_all(folder, recognised)
        assert [document.doc_id for document in documents] == ["d1", "d2", "d3"]
        assert judgments == [("q1", "d3", 2)]

    def test_a_folder_with_two_datasets_asks_which(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {f"{name}/{file}": content for name in "ab" for file, content in TestFolders.BEIR.items()},
        )
        (doubt,) = recognise(tmp_path).doubts
        assert doubt.question.startswith("the files hold several datasets; which one is meant?")
        assert [option.label for option in doubt.options] == ["the one in a/ (BEIR)", "the one in b/ (BEIR)"]

    def test_what_takes_no_part_is_named(self, tmp_path: Path) -> None:
        folder = write(
            tmp_path,
            {
                "corpus.csv": "id,text,color\nd1,about chains and gears,red\n",
                "queries.csv": "id,query,retrieved_ids\nq1,what is first,d1\n",
                "notes.docx.bak": "x",
            },
        )
        recognised = recognise(folder)
        assert recognised.reading is not None
        assert [item.place for item in unused(recognised, recognised.reading)] == [
            "notes.docx.bak",
            "corpus.csv: color",
            "queries.csv: retrieved_ids",
        ]


class TestBeirVariants:
    """BEIR's folder as MTEB and people write it: every one is the same dataset."""

    CORPUS = '{"_id": "d1", "text": "one text"}\n{"_id": "d2", "text": "another text"}\n'
    QUERIES = '{"_id": "q1", "text": "which text"}\n'

    @pytest.mark.parametrize(
        "qrels",
        [
            {"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td2\t1\n"},
            {"qrels/test.tsv": "query-id\tcorpus-id\nq1\td2\n"},
            {"qrels/test.tsv": "q1\t 0 d2\t1\n"},
            {"qrels/test.csv": "query-id,corpus-id,score\nq1,d2,1\n"},
            {"qrels/test.jsonl": '{"query-id": "q1", "corpus-id": "d2", "score": 1}\n'},
            {
                "qrels/test.csv": "query-id,corpus-id,score\nq1,d2,1\n",
                "qrels/dev.csv": "query-id,corpus-id,score\nq1,d1,1\n",
            },
            {"qrels.txt": "q1 0 d2 1\n"},
        ],
        ids=["tsv", "without grades", "mixed", "csv", "jsonl", "several splits", "beside"],
    )
    @pytest.mark.parametrize("id_", ["_id", "id"])
    def test_judgments_and_ids(self, tmp_path: Path, qrels: dict[str, str], id_: str) -> None:
        files = {
            "corpus.jsonl": self.CORPUS.replace("_id", id_),
            "queries.jsonl": self.QUERIES.replace("_id", id_),
        }
        write(tmp_path, {**files, **qrels})
        documents, queries, judgments = read_all(tmp_path, reading(tmp_path))
        assert [document.doc_id for document in documents] == ["d1", "d2"]
        assert [query.query_id for query in queries] == ["q1"]
        assert judgments == [("q1", "d2", 1)]


def test_grades_that_differ_in_every_row_are_no_ids(tmp_path: Path) -> None:
    files = {
        "dokumente.csv": "id;text\nd1;ein langer Text\nd2;ein anderer Text\n",
        "fragen.csv": "Frage;Dokument;Relevanz\nwo ist das;d1;2\nwohin geht es;d2;1\n",
    }
    folder = write(tmp_path, files)
    assert [judgment[1:] for judgment in read_all(folder, reading(folder))[2]] == [("d1", 2), ("d2", 1)]
