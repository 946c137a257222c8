"""Views of FITS images as cubes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polarnight.cubes.dimensions import as_dimensions
from polarnight.cubes.fits.content import content_of
from polarnight.cubes.fits.images import FileImage
from polarnight.cubes.fits.opening import Found, find_images
from polarnight.cubes.fits.origin import own_origin
from polarnight.cubes.metadata import Metadata
from polarnight.cubes.recipes import Recipe
from polarnight.cubes.views import FitsView
from polarnight.errors import BadFrame

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["VERSION", "open_fits"]

VERSION = "2"
"""Of what opening makes of a file."""


def open_fits(
    kind: type[Cube],
    path: str | Path,
    hdu: int | str | None = None,
    *,
    measure: str = "image",
    dims: Sequence[str] | None = None,
    subset: Mapping[str, Any] | None = None,
) -> Cube:
    """Return a view of an image of a FITS file; only headers are read.

    Values are exact: integers stay integers (unsigned ones too), what is scaled or may be
    blank becomes floating (see `polarnight.cubes.fits.values`); blanks are not a number and have
    `Bit.NO_DATA`. The units ``VAR`` and ``BITS`` of a file whose image is named ``SCI``
    become variance and bits. What Polarnight wrote keeps its level, and has the key of what was
    written as its parent.

    Parameters
    ----------
    kind : type
        Of the cube.
    path : str or Path
        Plain, ``.gz``, ``.bz2`` or of compressed tiles (``.fz``).
    hdu : int or str, optional
        Position (from 0) or EXTNAME; by default the first image.
    measure : str
        Name of the quantity.
    dims : sequence of str, optional
        Names of the axes, slowest first; ``NAXISn, ..., NAXIS2, NAXIS1`` by default.
    subset : mapping, optional
        Part of it, as `Cube.subset` takes it.

    Raises
    ------
    BadFrame
        Where the file is missing, empty, no FITS, cut short or holds no such image.
    CubeError
        Where `dims` or `subset` do not fit.
    """
    name = str(Path(path).absolute())
    chosen, errors, flags = _choose(name, hdu)
    shape = chosen.image.shape
    # Only what we write is named so, and may say where it comes from.
    level, parents = own_origin(name) if chosen.name.upper() == "SCI" else (0, ())
    cube = kind(
        dims=as_dimensions(dims, shape),
        view=FitsView(FileImage.whole(chosen.image), errors, flags),
        measure=measure,
        unit=_unit(chosen.header),
        metadata=Metadata.from_bytes(chosen.header, chosen.primary),
        source=name,
        level=level,
        parents=parents or None,
        recipe=_recipe(chosen, measure, dims),
    )
    return cube.subset(**dict(subset)) if subset else cube


def _choose(name: str, hdu: int | str | None) -> tuple[Found, FileImage | None, FileImage | None]:
    chosen: Found | None = None
    planes: dict[str, FileImage] = {}
    for found in find_images(name):
        if chosen is None:
            wanted = hdu is None or (
                found.image.index == hdu
                if isinstance(hdu, int)
                else found.name.upper() == hdu.strip().upper()
            )
            if wanted:
                chosen = found
                if found.name.upper() != "SCI":
                    break
        elif found.name.upper() in ("VAR", "BITS") and found.image.shape == chosen.image.shape:
            planes[found.name.upper()] = FileImage.whole(found.image)
            if len(planes) == 2:
                break
    if chosen is None:
        what = "image" if hdu is None else f"image HDU {hdu!r}"
        raise BadFrame(name, f"holds no {what}", "see polarnight.cubes.list_hdus for what it holds")
    return chosen, planes.get("VAR"), planes.get("BITS")


def _unit(header: bytes) -> str:
    # One card is looked for in the bytes: parsing all of them would take ten times as long.
    at = header.find(b"BUNIT   =")
    while at >= 0 and at % 80:
        at = header.find(b"BUNIT   =", at + 1)
    if at < 0:
        return ""
    value = Metadata.from_bytes(header[at : at + 80]).get("BUNIT")
    return value.strip() if isinstance(value, str) else ""


def _recipe(found: Found, measure: str, dims: Sequence[str] | None) -> Recipe:
    image = found.image
    content, state = content_of(image.path)
    if (state.st_size, state.st_mtime_ns) != (image.size, image.mtime_ns):
        raise BadFrame(image.path, "is being written", "wait until it is complete")
    return Recipe(
        "open_fits",
        VERSION,
        {
            "path": image.path,
            "hdu": image.index,
            "content": content,
            "size": image.size,
            "mtime_ns": image.mtime_ns,
            "measure": measure,
            "dims": None if dims is None else list(dims),
        },
    )
