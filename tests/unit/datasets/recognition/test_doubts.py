"""Questions about what files do not say clearly, and which of them arise after an answer."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from evaluator.datasets.reading import QrelsPart, Table
from evaluator.datasets.recognition.doubts import changed
from evaluator.datasets.recognition.recognise import recognise
from evaluator.errors import DatasetError
from tests.unit.datasets.recognition.recognising import DATA, reading, write


def test_several_datasets_in_one_folder(tmp_path: Path) -> None:
    for name in ("bikes", "cars"):
        shutil.copytree(DATA / "beir", tmp_path / name)
    recognised = recognise(tmp_path)
    (doubt,) = recognised.doubts
    assert "several datasets" in doubt.question
    assert recognised.reading is not None
    files = [
        [part.table.file for part in changed(recognised.reading, option.changes).parts]
        for option in doubt.options
    ]
    assert files == [
        [f"{name}/corpus.jsonl", f"{name}/queries.jsonl", f"{name}/qrels/test.tsv"]
        for name in ("bikes", "cars")
    ]


def test_a_question_that_another_answer_makes_pointless_does_not_arise(tmp_path: Path) -> None:
    """Each of two tables can be the judgments; only one of them has a column that may be the grade."""
    answers = [(f"q{n}", f"d{n}") for n in range(9)]
    write(
        tmp_path,
        {
            "documents.csv": "id,text\n" + "".join(f"d{n},A long text of number {n}\n" for n in range(9)),
            "queries.csv": "query_id,query\n" + "".join(f"q{n},what is {n}?\n" for n in range(9)),
            "one.csv": "query_id,doc_id\n" + "".join(f"{q},{d}\n" for q, d in answers),
            "two.csv": "query_id,doc_id,stufe\n" + "".join(f"{q},{d},2\n" for q, d in answers),
        },
    )
    recognised = recognise(tmp_path)
    assert recognised.reading is not None
    which, *_ = recognised.doubts
    by_table = {option.changes["qrels"]["table"]["file"]: option for option in which.options}
    one, two = (recognised.doubts_left(by_table[name].changes) for name in ("one.csv", "two.csv"))
    assert [doubt.question for doubt in one] == []
    assert [doubt.question for doubt in two] == ["two.csv: is the column 'stufe' the grade of the judgments?"]


def test_names_of_files_are_no_ids_of_questions(tmp_path: Path) -> None:
    questions = "".join(f"How do I reset device {n}?,manual-{n}.txt\n" for n in range(9))
    write(
        tmp_path,
        {
            "faq.csv": "Question,Answer is in file\n" + questions,
            **{f"manuals/manual-{n}.txt": f"To reset device {n}, press {n}" for n in range(9)},
        },
    )
    read = reading(tmp_path)
    assert read.queries is not None
    assert read.queries.id is None
    assert read.qrels == QrelsPart(
        Table("faq.csv", "csv"), "Question", ("Answer is in file",), query_by="text"
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("corpus.table.header", -1, "row -1 cannot name the columns"),
        ("qrels.scale", 0, "grades cannot be scaled by 0"),
        ("qrels.combine", "best", "'majority', 'mean' or 'median'"),
        ("repairs", "everything", "match-padded-ids"),
        ("qrels.stars", 1, "qrels.stars"),
        ("a.b.c", 1, "the reading has no a.b.c"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(field: str, value: object, reason: str) -> None:
    recognised = recognise(DATA / "csv").reading
    assert recognised is not None
    with pytest.raises(DatasetError, match=re.escape(reason)):
        changed(recognised, {field: value})


def test_a_single_repair_needs_no_list() -> None:
    recognised = recognise(DATA / "csv").reading
    assert recognised is not None
    assert changed(recognised, {"repairs": "encode-ids"}).repairs == ("encode-ids",)
