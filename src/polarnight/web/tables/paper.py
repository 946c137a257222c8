"""A PDF of lines in letters of one width, by the font that every reader of PDF has."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Iterable, Sequence

__all__ = ["LETTERS", "LINES", "plain_letters", "write_pages"]

_WIDTH, _HEIGHT, _MARGIN = 842, 595, 30  # A4 across, points
_SIZE = 6.5
_LEADING = 8.4
_LETTER = 0.6  # width of a letter of Courier, of its size

LETTERS = int((_WIDTH - 2 * _MARGIN) / (_SIZE * _LETTER))
"""Letters of a line."""

LINES = int((_HEIGHT - 2 * _MARGIN) / _LEADING)
"""Lines of a page."""

_SIMPLE = str.maketrans({"−": "-", "″": '"', "′": "'", "─": "-", "≥": ">=", "≤": "<="})


def _encoded(text: str) -> bytes:
    """Return a text in the letters of the font; Greek ones by their names, others as ``?``."""
    plain = text.translate(_SIMPLE)
    found = "".join(letter if _known(letter) else _spelt(letter) for letter in plain)
    return found.encode("cp1252", "replace")


def _known(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return letter.isprintable()


def _spelt(letter: str) -> str:
    words = unicodedata.name(letter, "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words:
        return words[-1].lower()
    return "?"


def plain_letters(text: str) -> str:
    """Return a text as it will stand on paper, so that its length can be counted."""
    return _encoded(text).decode("cp1252")


def write_pages(pages: Iterable[Sequence[str]], title: str) -> bytes:
    """Return a PDF.

    Parameters
    ----------
    pages : iterable of sequence of str
        `LINES` lines of `LETTERS` letters at most; what is longer runs out of the page.
    title : str
    """
    # Numbers of objects: 1 catalogue, 2 pages, 3 font, 4 title, then two for each page.
    contents = [_content(lines) for lines in pages]
    kids = " ".join(f"{5 + 2 * n} 0 R" for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
        b"<< /Title (" + _escaped(_encoded(title)) + b") >>",
    ]
    for n, content in enumerate(contents):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Contents "
            f"{6 + 2 * n} 0 R /Resources << /Font << /F 3 0 R >> >> >>".encode()
        )
        packed = zlib.compress(content)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode >>".encode()
        objects.append(head + b"\nstream\n" + packed + b"\nendstream")
    return _file(objects)


def _content(lines: Sequence[str]) -> bytes:
    start = f"BT /F {_SIZE} Tf {_LEADING} TL {_MARGIN} {_HEIGHT - _MARGIN} Td\n".encode()
    drawn = b"\n".join(b"(" + _escaped(_encoded(line)) + b") '" for line in lines)
    return start + drawn + b"\nET"


def _escaped(text: bytes) -> bytes:
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _file(objects: Sequence[bytes]) -> bytes:
    made = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(made)
    made += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    made += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    made += (
        f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 4 0 R >>\n"
        f"startxref\n{table}\n%%EOF\n"
    ).encode()
    return bytes(made)
