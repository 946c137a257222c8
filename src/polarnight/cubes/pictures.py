"""A cube in a notebook: a small table, and a picture where the pixels are in memory."""

from __future__ import annotations

import base64
import html as escaping
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from polarnight.cubes.cube import Cube

__all__ = ["html", "thumbnail"]

_SIDE = 160
_LARGEST = 1 << 27


def html(cube: Cube) -> str:
    """Return a table of what the cube is; nothing is computed for it."""
    unit = f" ({cube.unit})" if cube.unit not in ("", "1") else ""
    planes = ["data"] + ["variance"] * cube.has_variance + ["bits"] * cube.has_bits
    rows = [
        ("measure", cube.measure + unit),
        ("dimensions", " × ".join(f"{dim.name} {dim.size}" for dim in cube.dims) or "none"),
        ("type", str(cube.dtype)),
        ("size", _bytes(cube.nbytes)),
        ("planes", ", ".join(planes)),
        ("cards", str(len(cube.metadata))),
        ("level", str(cube.level)),
        ("pixels", _place(cube)),
    ]
    if cube.source:
        rows.append(("source", cube.source))
    cells = "".join(
        f"<tr><th style='text-align:left'>{name}</th>"
        f"<td style='text-align:left'>{escaping.escape(text)}</td></tr>"
        for name, text in rows
    )
    picture = ""
    if cube.in_memory and cube.ndim >= 2 and 0 < cube.nbytes <= _LARGEST:
        image = cube.data[(0,) * (cube.ndim - 2)].compute(scheduler="sync")
        code = base64.b64encode(thumbnail(image)).decode("ascii")
        picture = f"<img alt='{escaping.escape(cube.measure)}' src='data:image/png;base64,{code}'>"
    return f"<div><b>Cube</b><table>{cells}</table>{picture}</div>"


def thumbnail(image: npt.NDArray[Any]) -> bytes:
    """Return a small grey PNG of an image, its first row at the bottom.

    Black and white are the 1st and 99th percentile of what is finite.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
    """
    step = max(1, -(-max(image.shape) // _SIDE))
    small = np.asarray(image[::step, ::step][::-1], np.float64)
    finite = small[np.isfinite(small)]
    low, high = np.percentile(finite, [1, 99]) if finite.size else (0.0, 1.0)
    scaled = (small - low) / (high - low) if high > low else np.zeros_like(small)
    grey = (np.nan_to_num(np.clip(scaled, 0, 1)) * 255).astype(np.uint8)
    height, width = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def _place(cube: Cube) -> str:
    if cube.is_stored:
        return "in the store"
    if cube.in_memory:
        return "in memory"
    return "in the file" if cube.level == 0 else "not computed yet"


def _bytes(number: int) -> str:
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
