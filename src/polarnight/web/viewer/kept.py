"""Pictures that are kept in the data directory, each with the ETag it was drawn under."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Final

from polarnight.frames import atomic_write

__all__ = ["TAG", "keep", "kept"]

TAG: Final = "polarnight:etag"
"""Key of the text in a PNG that says what it was drawn from."""


def kept(path: Path, tag: str) -> bytes | None:
    """Return a picture that is kept, None where it is absent, damaged or drawn of another."""
    from PIL import Image

    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            return content if picture.info.get(TAG) == tag else None
    except (OSError, ValueError, SyntaxError):  # Pillow has several words for a damaged file
        return None


def keep(path: Path, content: bytes) -> None:
    """Keep a picture, atomically; in an archive that is read-only it is drawn each time."""
    with contextlib.suppress(OSError), atomic_write(path) as temporary:
        temporary.write_bytes(content)
