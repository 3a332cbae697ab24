"""Files of every kind, read in a process of their own; and hostile ones, each ending in one clear reason."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pypdf
import pytest

from bots.reading import isolated, limits
from bots.reading.isolated import read_file
from bots.reading.problems import MESSAGES, UnreadableDocument


def saved(document: object) -> bytes:
    """Return what a document of a library is as a file."""
    target = io.BytesIO()
    getattr(document, "save", None) and document.save(target)  # type: ignore[attr-defined]
    if isinstance(document, pypdf.PdfWriter):
        document.write(target)
    return target.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Bảo hành", 1)
    document.add_paragraph("Mười hai tháng.")
    document.add_heading("Laptop", 2)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Model", "Months", "X1", "36"), strict=True):
        cell.text = text
    return saved(document)


def sheet() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "Phí giao hàng"
    for row in (("Khu vực", "Phí"), ("Hà Nội", 40000), ("Huế", None)):
        book.active.append(row)
    return saved(book)


def pdf(text: str = "Goods may be returned within 30 days.", pages: int = 1, password: str = "") -> bytes:
    stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    body += b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(body),
    )
    if pages == 1 and not password:
        return body
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(body))
    for _page in range(pages - 1):
        writer.add_blank_page(612, 792)
    if password:
        writer.encrypt(password)
    return saved(writer)


def archive(**parts: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", b"<Types/>")
        for name, content in parts.items():
            made.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), content)
    return target.getvalue()


HTML = b"""<!doctype html><title>Shop</title><nav>Menu</nav><main><h1>Deliv<!-- c -->ery<script>alert(2)</script></h1><p>We deliver
in <b>two</b> days.</p><h2>Fees</h2><table><tr><th>Zone</th><th>Fee</th></tr><tr><td>Hue</td><td>30k</td></tr></table>
<script>alert(1)</script></main>"""


@pytest.mark.parametrize(
    ("name", "data", "chunks"),
    [
        ("a.docx", word, [(("Bảo hành",), "Mười hai tháng."), (("Bảo hành", "Laptop"), "Model: X1; Months: 36")]),
        ("a.xlsx", sheet, [(("Phí giao hàng",), "Khu vực: Hà Nội; Phí: 40000\nKhu vực: Huế")]),
        ("a.pdf", pdf, [(("p. 1",), "Goods may be returned within 30 days.")]),
        ("a.html", lambda: HTML, [(("Delivery",), "We deliver in two days."), (("Delivery", "Fees"), "Zone: Hue; Fee: 30k")]),
        ("a.txt", lambda: "\ufeffChào bạn.\r\n\r\nHẹn gặp lại.".encode("utf-16"), [((), "Chào bạn.\n\nHẹn gặp lại.")]),
        ("a", lambda: "# Đổi <script>alert(1)</script>trả\n\n**Bảy** ngày.".encode(), [(("Đổi trả",), "Bảy ngày.")]),
    ],
)  # fmt: skip
def test_a_file_is_read_under_its_headings(tmp_path: Path, name: str, data: Callable[[], bytes], chunks: list) -> None:
    (tmp_path / "x").write_bytes(data())
    assert [tuple(chunk) for chunk in read_file(tmp_path / "x", name=name).chunks] == chunks


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("locked.pdf", lambda: pdf(password="secret"), "encrypted"),
        ("scan.pdf", lambda: saved(_blank()), "no_text_in_pages"),
        ("cut.pdf", lambda: pdf()[:100], "broken"),
        ("long.pdf", lambda: pdf(pages=limits.MAX_PAGES + 1), "too_many_pages"),
        ("picture.pdf", lambda: b"\x89PNG\r\n\x1a\n", "changed_kind"),
        ("text.pdf", lambda: b"Just a text.", "changed_kind"),
        ("book.docx", sheet, "changed_kind"),
        ("locked.docx", lambda: b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        ("old.doc", lambda: b"\xd0\xcf\x11\xe0" + b"\0" * 600, "old_office"),
        ("cut.docx", lambda: word()[:3000], "broken"),
        ("bomb.docx", lambda: archive(word__document_xml=b"0" * 60_000_000), "too_large_unpacked"),
        ("entity.docx", lambda: archive(word__document_xml=b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'), "unsafe_xml"),
        ("macro.docx", lambda: archive(word__document_xml=b"<a/>", word__vbaProject_bin=b""), "macros"),
        ("other.zip", lambda: archive(readme_xml=b"<a/>"), "unknown_kind"),
        ("program.exe", lambda: b"MZ\x90\0\3", "unknown_kind"),
        ("latin.txt", lambda: "Đổi trả déjà".encode("latin-1", "replace"), "not_text"),
        ("cut.txt", lambda: b"\xff\xfea\0b", "not_text"),
        ("blank.html", lambda: b"<html><body><script>1</script></body></html>", "empty"),
    ],
)  # fmt: skip
def test_a_hostile_file_ends_in_one_clear_reason(tmp_path: Path, name: str, data: Callable[[], bytes], code: str) -> None:
    (tmp_path / "x").write_bytes(data())
    with pytest.raises(UnreadableDocument) as refused:
        read_file(tmp_path / "x", name=name)
    assert refused.value.code == code
    assert refused.value.code in MESSAGES


def torn_pdf() -> bytes:
    """Return a page on which each letter with an accent is set by itself, as browsers print where a font lacks them."""
    widths = {"n": 556, "h": 556, "à": 556, " ": 278, "c": 500, "ó": 556, "s": 500, "â": 556}  # Helvetica's
    at, shown = 0.0, []
    for part in ("nh", "à", " c", "ó", " s", "â", "n"):
        letters = "".join(f"\\{ord(letter):03o}" for letter in part)
        shown.append(f"BT /F1 12 Tf 1 0 0 1 50 700 Tm {at:.3f} 0 Td ({letters}) Tj ET")
        at += sum(widths[letter] for letter in part) * 12 / 1000
    return pdf(") Tj ET " + " ".join(shown) + " BT (")


def test_words_that_a_pdf_sets_in_pieces_are_put_together(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(torn_pdf())
    assert pypdf.PdfReader(tmp_path / "x").pages[0].extract_text().split() == ["nh", "à", "c", "ó", "s", "â", "n"]
    assert [chunk.text for chunk in read_file(tmp_path / "x", name="a.pdf").chunks] == ["nhà có sân"]


def _blank() -> pypdf.PdfWriter:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(612, 792)
    return writer


def test_a_process_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated.limits, "WALL_SECONDS", 0.01)
    (tmp_path / "x").write_bytes(b"Text.")
    with pytest.raises(UnreadableDocument, match="too_costly"):
        read_file(tmp_path / "x", name="a.txt")


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match="file_gone"):
        read_file(tmp_path / "nothing", name="a.txt")


@pytest.mark.slow
def test_the_process_is_bounded_in_memory(tmp_path: Path) -> None:
    stream = b"<< /Length 100 >>"
    (tmp_path / "x").write_bytes(b"<html><body>" + b"<p>" * 8_000_000 + stream)
    with pytest.raises(UnreadableDocument) as refused:
        read_file(tmp_path / "x", name="a.html")
    assert refused.value.code in ("too_costly", "broken", "too_long", "empty")
