"""Text of other people on a page: as it is, with links and nothing else."""

from __future__ import annotations

import re

import pytest

from evaluator.domain.teamwork.wording import linked

TARGET = re.compile(r"(?<!\\)\]\(([^()]*)\)")
"""What a link of Markdown leads to."""


@pytest.mark.parametrize(
    ("text", "targets"),
    [
        ("as it is", []),
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(http://a.example)", ["http://a.example"]),
        ("https://a.example/b_(c)", ["https://a.example/b_%28c%29"]),
        (
            "a https://a.example/?x=1&y=%20#z b http://b.example",
            ["https://a.example/?x=1&y=%20#z", "http://b.example"],
        ),
        ("https://", []),
        ("http://[", []),
        ("ftp://a.example", []),
    ],
)
def test_addresses_become_links(text: str, targets: list[str]) -> None:
    assert TARGET.findall(linked(text)) == targets


def test_text_around_links_and_line_breaks_stay() -> None:
    assert linked("first\nsecond") == "first  \nsecond"
    assert linked("a https://a.example b").startswith("a [")
    assert linked("a https://a.example b").endswith("(https://a.example) b")


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://a.example/x.png)",
        "[click](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>",
        "https://a.example/)](javascript:alert(1))",
        "https://a.example/<script>",
        "https://a.example/[x](javascript:1)",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://a.example/`x`",
    ],
)
def test_nothing_else_is_drawn_loaded_or_run(text: str) -> None:
    drawn = linked(text)
    assert all(target.startswith("https://a.example/") for target in TARGET.findall(drawn))
    assert re.search(r"(?<!\\)[<>`]|!\[", drawn) is None
