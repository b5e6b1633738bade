"""Text on its way to a reader: nothing in it acts on what it is shown in. How pages draw it: tests/e2e."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.printable import (
    FORMULA_STARTS,
    JOINERS,
    as_code,
    csv_cell,
    csv_text,
    file_name,
    is_one_line,
    on_terminal,
    one_line,
    plain,
    plain_lines,
    printable,
    shown_json,
)
from tests.hostile import ESCAPES, FORMULAS, MARKUP


def acts(sign: str) -> bool:
    """Whether a terminal may act on a character, or hides it."""
    return sign not in JOINERS and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")


class TestTerminalAndLog:
    @pytest.mark.parametrize("text", ESCAPES)
    def test_nothing_acts_on_a_terminal(self, text: str) -> None:
        for shown in (one_line(text), on_terminal(text), shown_json([text]), printable(text, 200)):
            assert not any(map(acts, shown))

    def test_lines_stay_on_a_terminal_and_nowhere_else(self) -> None:
        assert on_terminal("one\r\ntwo\nthree\rover") == "one\ntwo\nthree over"
        assert one_line("one\ntwo\tthree") == "one two three"

    @pytest.mark.parametrize("name", ["first look", "日本\u3000語", "a\u00a0b", "👩\u200d🔬"])
    def test_a_name_may_hold_any_space_and_any_script(self, name: str) -> None:
        assert is_one_line(name)

    @pytest.mark.parametrize("name", [*ESCAPES, "two\nlines", "tab\there"])
    def test_a_name_neither_hides_nor_breaks_anything(self, name: str) -> None:
        assert not is_one_line(name)

    def test_joiners_of_scripts_and_emoji_stay(self) -> None:
        for text in ("می\u200cخواهم", "👩\u200d🔬", "naïve 日本語"):
            assert one_line(text) == on_terminal(text) == text

    @given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner, max_size=3)))
    def test_json_reads_back_equal(self, value: object) -> None:
        shown = shown_json(value, indent=2)
        assert json.loads(shown) == value
        assert not any(map(acts, shown.replace("\n", "")))


class TestMarkdown:
    @pytest.mark.parametrize(
        ("text", "written"),
        [
            ("bm25", "bm25"),
            ("a_b*c", r"a\_b\*c"),
            ("![i](http://x)", r"!\[i\](http:color[:]//x)"),
            (":smile:", ":color[:]smile:color[:]"),
            ("unix:///run and (see: x)", "unix:///run and (see: x)"),
            ("nDCG@10", "nDCG@10"),
            ("www.x.org", "www:color[.]x.org"),
            ("me@x.org", "me:color[@]x.org"),
            ("a -> b", r"a :color[-]\> b"),
            ("a <-> b", r"a \<:color[-]\> b"),
            ("found: 3", "found: 3"),
            ("  two\n lines ", "two lines"),
            ("- item", r"\- item"),
            ("12. item", r"12\. item"),
            ("&lt;", r"\&lt;"),
        ],
    )
    def test_signs_are_taken_apart(self, text: str, written: str) -> None:
        assert plain(text) == written

    def test_line_breaks_stay_where_they_are_allowed(self) -> None:
        assert plain_lines("# one\n\ntwo") == "\\# one  \n  \ntwo"

    @pytest.mark.parametrize("text", [*MARKUP, *ESCAPES])
    def test_it_is_one_line_without_anything_hidden(self, text: str) -> None:
        assert not any(map(acts, plain(text)))
        assert not any(map(acts, as_code(text)))

    @pytest.mark.parametrize("text", ["d1", "![i](http://x)", ":smile:", "$x$"])
    def test_an_id_is_code(self, text: str) -> None:
        assert as_code(text) == f"`{text}`"

    @pytest.mark.parametrize("text", ["a`b", ":material/home:", " "])
    def test_an_id_is_plain_where_code_would_change_it(self, text: str) -> None:
        assert as_code(text) == plain(text)


class TestCsv:
    @pytest.mark.parametrize("formula", FORMULAS)
    def test_a_formula_becomes_text(self, formula: str) -> None:
        assert csv_cell(formula) == f"'{formula}"

    def test_numbers_stay_numbers(self) -> None:
        assert csv_text(("name", "=n"), [("a", -1.5), ("b", None)]) == "name,'=n\r\na,-1.5\r\nb,\r\n"

    @given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5))
    def test_no_cell_is_a_formula_and_other_cells_are_unchanged(self, rows: list[list[str]]) -> None:
        text = csv_text(("query_id", "text"), rows)
        read = list(csv.reader(io.StringIO(text, newline="")))[1:]
        assert not any(cell.startswith(FORMULA_STARTS) for row in read for cell in row)
        assert [[cell.removeprefix("'") for cell in row] for row in read] == [
            [cell.removeprefix("'") for cell in row] for row in rows
        ]


class TestFileName:
    def test_parts_are_joined(self) -> None:
        assert file_name("look", "nDCG@10", ending="csv") == "look-nDCG@10.csv"

    @pytest.mark.parametrize(
        "text", ["../../etc/passwd", "C:\\x", "-rf", ".hidden", 'a"b\r\nx: y', "\u202egnp", "/"]
    )
    def test_it_leads_nowhere(self, text: str) -> None:
        name = file_name(text, ending="csv")
        assert re.fullmatch(r"\w[\w. @-]*\.csv", name)

    def test_it_is_never_empty_and_never_long(self) -> None:
        assert file_name("", ending="csv") == "file.csv"
        assert file_name("x" * 500, ending="csv") == "x" * 80 + ".csv"
