"""JSON and JSON lines as tables: rows, defects with their places, and bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evaluator.datasets.formats import (
    json_objects,
    members,
    text_lines,
)
from tests.unit.datasets.table_files import rows, rows_and_errors, write


class TestJsonLines:
    def test_rows_continue_after_a_defect(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jsonl", '{"id": 1}\n{"id": \n[2]\n{"id": 3}\n')
        assert rows_and_errors(tmp_path, "a.jsonl", "jsonl") == [
            {"id": 1},
            "a.jsonl:2: not valid JSON (Expecting value: line 2 column 1 (char 8)); "
            "write one JSON object on each line",
            "a.jsonl:3: a JSON object is expected, found a list; write one JSON object on each line",
            {"id": 3},
        ]

    def test_half_surrogates_reach_the_rules_for_values(self, tmp_path: Path) -> None:
        write(tmp_path, "a.jsonl", '{"id": "\\ud800"}\n')
        assert rows(tmp_path, "a.jsonl", "jsonl") == [{"id": "\ud800"}]

    def test_a_line_that_is_too_long_is_a_defect(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(text_lines, "MAX_LINE", 1 << 20)
        write(tmp_path, "a.jsonl", '{"id": "' + "x" * (3 << 20) + '"}\n{"id": 2}\n')
        bad, good = rows_and_errors(tmp_path, "a.jsonl", "jsonl")
        assert str(bad) == "a.jsonl:1: the line is longer than 1 MiB; split it, or remove it"
        assert good == {"id": 2}


class TestJson:
    @pytest.mark.parametrize(
        ("written", "read_as"),
        [
            ([{"id": "d1", "text": "a"}], [{"id": "d1", "text": "a"}]),
            (["a", "b"], [{"text": "a"}, {"text": "b"}]),
            ({"d1": "a", "d2": "b"}, [{"id": "d1", "text": "a"}, {"id": "d2", "text": "b"}]),
            ({"d1": {"title": "A", "text": "a"}}, [{"id": "d1", "title": "A", "text": "a"}]),
            (
                {"q1": {"d1": 2, "d2": 0}},
                [
                    {"query": "q1", "document": "d1", "grade": 2},
                    {"query": "q1", "document": "d2", "grade": 0},
                ],
            ),
            ({"q1": ["d1"]}, [{"query": "q1", "document": "d1"}]),
            ([["q1", "d1", 2]], [{"query": "q1", "document": "d1", "grade": 2}]),
        ],
        ids=["objects", "texts", "texts by id", "fields by id", "grades", "documents", "triples"],
    )
    def test_a_list_or_mapping_is_read_as_rows(
        self, tmp_path: Path, written: object, read_as: object
    ) -> None:
        write(tmp_path, "a.json", json.dumps(written))
        assert members(tmp_path, "a.json", "json") == ("",)
        assert rows(tmp_path, "a.json", "json") == read_as
        write(tmp_path, "b.json", json.dumps({"version": 1, "relevant_docs": [], "corpus": written}))
        assert members(tmp_path, "b.json", "json") == ("relevant_docs", "corpus")
        assert rows(tmp_path, "b.json", "json", "corpus") == read_as

    def test_lists_of_objects_are_members_whatever_their_names(self, tmp_path: Path) -> None:
        write(tmp_path, "a.json", '{"meta": {"n": 1}, "my.rows": [{"id": 1}], "other": [1]}')
        assert members(tmp_path, "a.json", "json") == ("my.rows",)
        assert rows(tmp_path, "a.json", "json", "my.rows") == [{"id": 1}]

    def test_rows_before_a_break_are_kept(self, tmp_path: Path) -> None:
        write(tmp_path, "a.json", '[{"id": 1}, {"id": 2')
        first, end = rows_and_errors(tmp_path, "a.json", "json")
        assert first == {"id": 1}
        assert str(end).startswith("a.json: not valid JSON (")

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "not valid JSON"),
            (b"7", "a list or an object is expected"),
            (b'[{"id": "\\ud800"}]', "\\ud800 is half of a surrogate pair"),
            (b'[{"id": "caf\xe9"}]', "not valid JSON"),
            (b'[{"id": NaN}]', "not valid JSON"),
            (b"[" * 100_000, "lists and objects are inside each other 65 deep"),
            (b'{"a":' * 100_000, "lists and objects are inside each other 65 deep"),
            (b"[1" + b"0" * 10_000 + b"]", "not valid JSON"),
            (b"[] []", "not valid JSON"),
        ],
    )
    def test_invalid_json_is_reported(self, tmp_path: Path, content: bytes, reason: str) -> None:
        write(tmp_path, "a.json", content)
        assert f"a.json: {reason}" in str(rows_and_errors(tmp_path, "a.json", "json")[-1])

    @pytest.mark.parametrize("written", ["\\ud83d\\ude00", "\\\\ud800", "😀"])
    def test_whole_characters_are_no_half_surrogates(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
    ) -> None:
        monkeypatch.setattr(json_objects, "CHUNK", 64)
        for shift in range(14):  # the escapes lie across two chunks
            write(tmp_path, "a.json", " " * (64 - shift) + f'["{written}"]')
            assert len(rows(tmp_path, "a.json", "json")) == 1

    def test_half_a_pair_across_chunks_is_found(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(json_objects, "CHUNK", 64)
        for shift in range(14):
            write(tmp_path, "a.json", " " * (64 - shift) + '["\\ud83d\\u0041"]')
            assert "\\ud83d is half of a surrogate pair" in str(
                rows_and_errors(tmp_path, "a.json", "json")[-1]
            )

    def test_a_string_that_is_too_long(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(json_objects, "CHUNK", 1 << 16)
        write(tmp_path, "a.json", '["' + "\\n" * (1 << 20) + '"]')
        assert "a.json: a string is longer than 1 MiB" in str(rows_and_errors(tmp_path, "a.json", "json")[-1])
