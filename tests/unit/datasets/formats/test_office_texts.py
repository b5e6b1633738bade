"""Word, PowerPoint and OpenDocument files as texts, and those that are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from evaluator.datasets.formats.documents import office
from tests.unit.datasets.table_files import rows, rows_and_errors

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
P = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
    'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
)
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)  # fmt: skip


def pack(path: Path, parts: dict[str, str], **options: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def core(title: str) -> str:
    return (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp:coreProperties>'
    )


def word(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:document {W}><w:body>{body}</w:body></w:document>'


CHAIN = (
    '<w:p><w:pPr><w:pStyle w:val="Subtitle"/></w:pPr><w:r><w:t>Notes</w:t></w:r></w:p>'
    '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>The ch</w:t></w:r><w:r><w:t>ain</w:t></w:r></w:p>'
    '<w:p><w:r><w:t xml:space="preserve">It slips </w:t><w:br/><w:t>&amp; is</w:t><w:tab/><w:t>worn.</w:t></w:r>'
    "<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
    "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/>"
)


class TestTexts:
    def test_word(self, tmp_path: Path) -> None:
        pack(tmp_path / "a note.docx", {"word/document.xml": word(CHAIN)})
        pack(
            tmp_path / "b.docx",
            {"word/document.xml": word(CHAIN), "docProps/core.xml": core("Chains &amp; more")},
        )
        text = "Notes\nThe chain\nIt slips \n& is\tworn.\na cell"
        assert rows(tmp_path, ".", "texts") == [
            {"id": "a%20note.docx", "title": "The chain", "text": text},
            {"id": "b.docx", "title": "Chains & more", "text": text},
        ]

    def test_a_text_box_is_read_once(self, tmp_path: Path) -> None:
        box = "<w:p><w:r><w:t>box</w:t></w:r></w:p>"
        markup = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
        choice = f"<mc:AlternateContent {markup}><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback>"
        body = f"<w:p><w:r><w:t>before</w:t>{choice}</mc:AlternateContent><w:t> after</w:t></w:r></w:p>"
        pack(tmp_path / "a.docx", {"word/document.xml": word(body)})
        assert rows(tmp_path, ".", "texts")[0]["text"] == "box\nbefore after"

    def test_slides_in_the_order_of_their_numbers(self, tmp_path: Path) -> None:
        def shape(text: str, kind: str = "") -> str:
            body = f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody>"
            return f"<p:sp><p:nvSpPr><p:nvPr>{kind}</p:nvPr></p:nvSpPr>{body}</p:sp>"

        def slide(title: str, text: str) -> str:
            heading = shape(title, '<p:ph type="title"/>')
            return f"<p:sld {P}>{shape(text)}{heading}</p:sld>"

        parts = {f"ppt/slides/slide{n}.xml": slide(f"Title {n}", f"text {n}") for n in (10, 2)}
        pack(tmp_path / "a.pptx", {**parts, "ppt/notesSlides/notesSlide2.xml": slide("no", "no")})
        assert rows(tmp_path, ".", "texts") == [
            {"id": "a.pptx", "title": "Title 2", "text": "text 2\nTitle 2\n\ntext 10\nTitle 10"}
        ]

    def test_open_document(self, tmp_path: Path) -> None:
        body = (
            "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
            '<text:h text:outline-level="1">The chain</text:h>'
            "<text:p>It\n  slips<text:s/><text:span>and</text:span><text:tab/>is<text:line-break/>worn."
            "<office:annotation><text:p>a remark</text:p></office:annotation></text:p>"
        )
        content = (
            f"<office:document-content {ODF}><office:body>{body}</office:body></office:document-content>"
        )
        pack(tmp_path / "a.odt", {"content.xml": content})
        assert rows(tmp_path, ".", "texts") == [
            {"id": "a.odt", "title": "The chain", "text": "The chain\nIt slips and\tis\nworn."}
        ]


class TestRefused:
    @pytest.mark.parametrize(
        ("parts", "reason"),
        [
            ({}, "it holds no word/document.xml"),
            ({"word/document.xml": "<w:p>"}, "word/document.xml is not well formed: "),
            (
                {"word/document.xml": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'},
                "it declares entities",
            ),
        ],
        ids=["empty", "not well formed", "entities"],
    )
    def test_a_file_that_is_no_document(self, tmp_path: Path, parts: dict[str, str], reason: str) -> None:
        pack(tmp_path / "a.docx", parts)
        (only,) = rows_and_errors(tmp_path, ".", "texts")
        assert str(only).startswith(f"a.docx: not readable ({reason}")

    def test_no_archive(self, tmp_path: Path) -> None:
        (tmp_path / "a.docx").write_bytes(b"\xd0\xcf\x11\xe0 a .doc")
        (only,) = rows_and_errors(tmp_path, ".", "texts")
        assert str(only).startswith("a.docx: not readable (BadZipFile: ")

    def test_a_bomb(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(office, "ROOM", 1 << 20)
        pack(tmp_path / "a.docx", {"word/document.xml": word("<w:p/>" * (1 << 20))})
        assert (tmp_path / "a.docx").stat().st_size < (1 << 20) // 25
        (only,) = rows_and_errors(tmp_path, ".", "texts")
        assert "it unpacks to more than " in str(only)
