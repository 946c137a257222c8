"""An HTML page about a cube: one file, everything escaped."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.db.models import DataCube

__all__ = ["cube_page", "picture"]

_SIDE = 800
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:.2em .6em;"
    "text-align:left;vertical-align:top}img{max-width:100%;image-rendering:pixelated}"
)

Values = dict[str, str]


def picture(
    cube: Cube, compute: Callable[[Sequence[Any]], list[Any]]
) -> tuple[bytes | None, Values]:
    """Return a PNG of the first image of a cube, and numbers about what it shows.

    Parameters
    ----------
    cube : Cube
    compute : callable
        Computes lazy arrays.

    Returns
    -------
    png : bytes or None
        At most 800 pixels high and wide, of every n-th pixel; NAXIS2 upwards; grey from the
        0.5th to the 99.5th percentile. None for cubes of one dimension and empty ones.
    values : dict
    """
    if 0 in cube.shape or not cube.shape:
        return None, {}
    data = cube.data[(0,) * max(0, cube.ndim - 2)]
    step = max(1, *(-(-size // _SIDE) for size in data.shape))
    image = np.asarray(compute([data[(slice(None, None, step),) * data.ndim]])[0], np.float64)
    finite = image[np.isfinite(image)]
    values = {"pixels shown": " x ".join(str(size) for size in reversed(image.shape))}
    if step > 1:
        values["sampling"] = f"every {step} pixels"
    if finite.size:
        values |= {
            name: f"{number:.6g}"
            for name, number in (
                ("minimum", finite.min()),
                ("median", np.median(finite)),
                ("mean", finite.mean()),
                ("standard deviation", finite.std()),
                ("maximum", finite.max()),
            )
        }
        values["missing"] = str(int(image.size - finite.size))
    if image.ndim != 2 or not finite.size:
        return None, values
    return _png(image, finite), values


def _png(image: np.ndarray[Any, Any], finite: np.ndarray[Any, Any]) -> bytes:
    from matplotlib.image import imsave

    low, high = np.percentile(finite, [0.5, 99.5])
    if not high > low:
        low, high = low - 0.5, low + 0.5
    shown = np.where(np.isfinite(image), image, low)
    file = io.BytesIO()
    imsave(file, shown, vmin=low, vmax=high, cmap="gray", origin="lower", format="png")
    return file.getvalue()


def cube_page(
    row: DataCube,
    pid: str,
    png: bytes | None,
    values: Values | None,
    cards: Iterable[tuple[Any, Any, Any]] | None,
    *,
    numbered: bool = False,
) -> str:
    """Return the page.

    Parameters
    ----------
    row : DataCube
    pid : str
    png : bytes, optional
    values : dict, optional
        Of `picture`.
    cards : iterable of (key, value, comment), optional
    numbered : bool
        Whether the cards are numbered.
    """
    title = f"Cube {pid}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{html.escape(title)}</h1>",
        _table((), _about(row)),
        "<h2>Dimensions</h2>",
        _table(
            ("name", "size", "type", "role"),
            [
                (d["name"], d["size"], d["type"], "explicit" if d["explicit"] else "implicit")
                for d in row.dims
            ],
        ),
    ]
    if png is not None:
        code = base64.b64encode(png).decode("ascii")
        parts.append(f'<h2>Picture</h2><img alt="picture" src="data:image/png;base64,{code}">')
    if values:
        parts.append(_table((), values.items()))
    if cards is not None:
        lines = [
            (number, *card) if numbered else card for number, card in enumerate(cards, start=1)
        ]
        head = ("key", "value", "comment")
        parts += ["<h2>Metadata</h2>", _table(("no.", *head) if numbered else head, lines)]
    return "\n".join([*parts, "</body></html>", ""])


def _about(row: DataCube) -> list[tuple[str, Any]]:
    return [
        ("measure", row.measure),
        ("type", row.dtype),
        ("unit", row.unit or "unknown"),
        ("level", row.level),
        ("made", f"{row.created:%Y-%m-%d %H:%M:%S}"),
        ("source", row.source),
        ("description", row.description),
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = []
    if head:
        lines.append("<tr>" + "".join(f"<th>{html.escape(one)}</th>" for one in head) + "</tr>")
    for row in rows:
        cells = "".join(
            f"<td>{html.escape('' if cell is None else str(cell))}</td>" for cell in row
        )
        lines.append(f"<tr>{cells}</tr>")
    return "<table>" + "\n".join(lines) + "</table>"
