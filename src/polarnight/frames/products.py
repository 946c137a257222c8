"""Writing and reading frames that Polarnight made: masters and reduced frames.

A product has these units: the image in the primary one (EXTNAME ``SCI``, with the raw header
and the coordinates), ``VAR``, ``BITS`` (compressed), ``POLARNIGHT`` (normalised header and
figures as JSON), ``PROVENANCE``, and tables the caller adds. The same frame always gives the
same bytes: no date of writing enters, so that content keys of products can be compared.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.errors import BadFrame
from polarnight.frames.atomic import atomic_write
from polarnight.frames.bits import BIT_DEFINITIONS
from polarnight.frames.checksum import with_checksums
from polarnight.frames.coordinates import EXTRAORDINARY, wcs_cards, wcs_from_header
from polarnight.frames.frame import Frame
from polarnight.frames.headers import carried_over, is_structural
from polarnight.frames.info import FrameInfo
from polarnight.frames.provenance import InputRecord, Provenance, StageRecord

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList, Header
    from astropy.table import Table
    from astropy.wcs import WCS

__all__ = ["read_frame", "read_provenance", "read_solution", "read_tables", "write_frame"]

_FORMAT = 1
_OWN = ("SCI", "VAR", "BITS", "POLARNIGHT", "PROVENANCE")


def write_frame(
    path: str | Path,
    frame: Frame,
    *,
    provenance: Provenance | None = None,
    tables: Mapping[str, Table] | None = None,
) -> None:
    """Write a frame as FITS, atomically.

    Parameters
    ----------
    path : str or Path
        Replaced where it exists.
    frame : Frame
    provenance : Provenance, optional
    tables : mapping of str to astropy.table.Table, optional
        Further tables by EXTNAME, such as ``SOURCES``.

    Raises
    ------
    OSError
        Where the disk is full or the place cannot be written; nothing is then left behind.
    ValueError
        Where a table bears a name that is taken, `meta` is not JSON-able, or the coordinates
        of the two beams cannot be written together.
    """
    from astropy.io import fits

    extra = dict(tables or {})
    taken = {name.upper() for name in extra} & set(_OWN)
    if taken:
        msg = f"the names {sorted(taken)} belong to units of the frame itself"
        raise ValueError(msg)
    hdus: list[Any] = [fits.PrimaryHDU(frame.data, header=_primary_header(frame))]
    if frame.variance is not None:
        hdus.append(fits.ImageHDU(frame.variance, name="VAR"))
        hdus[-1].header["UTYPE"] = ("VarianceUncertainty", "as astropy.nddata names it")
        if frame.unit:
            hdus[-1].header["BUNIT"] = _squared(frame.unit)
    if frame.bits is not None:
        hdus.append(_bits_unit(frame))
    hdus.append(_json_unit(frame))
    if provenance is not None:
        hdus.append(provenance_unit(provenance))
    hdus.extend(fits.table_to_hdu(table, name=name.upper()) for name, table in extra.items())
    content = io.BytesIO()
    fits.HDUList(hdus).writeto(content, output_verify="silentfix")
    with atomic_write(path) as temporary, temporary.open("wb") as handle:
        handle.writelines(with_checksums(content.getbuffer()))


def read_frame(path: str | Path) -> Frame:
    """Read what `write_frame` wrote, such as the reduced frame of ``ReducedFit.filepath``.

    Parameters
    ----------
    path : str or Path
        A reduced frame or master. Raw frames are for `polarnight.frames.read_raw`.

    Returns
    -------
    Frame
        Equal to the one written; the header lacks the cards that only describe the file.

    Raises
    ------
    BadFrame
        Where the file is missing, damaged or not a product of Polarnight.
    """
    with _open(path) as hdus:
        values = _json_values(hdus)
        header = hdus[0].header
        info = values["info"]
        return Frame(
            data=_native(hdus[0].data, np.float32),
            variance=_native(hdus["VAR"].data, np.float32) if "VAR" in hdus else None,
            bits=_native(hdus["BITS"].data, np.uint16) if "BITS" in hdus else None,
            info=None if info is None else FrameInfo.from_dict(info),
            header=_raw_header(header) if values["has_header"] else None,
            wcs=wcs_from_header(header) if values["has_wcs"] else None,
            wcs_pair=wcs_from_header(header, EXTRAORDINARY) if values["has_wcs"] else None,
            unit=values["unit"],
            meta=values["meta"],
        )


def read_solution(path: str | Path) -> tuple[FrameInfo, WCS]:
    """Read where a solved frame points, without its pixels.

    Returns
    -------
    info : FrameInfo
    wcs : astropy.wcs.WCS
        Of the ordinary, or only, beam.

    Raises
    ------
    BadFrame
        Where the file is missing, damaged, not a product of Polarnight, or not solved.
    """
    with _open(path) as hdus:
        values = _json_values(hdus)
        header = hdus[0].header
        wcs = wcs_from_header(header) if values["has_wcs"] else None
        if wcs is None or values["info"] is None:
            raise BadFrame(path, "there is no plate solution")
        return FrameInfo.from_dict(values["info"]), wcs


def read_provenance(path: str | Path) -> Provenance | None:
    """Read the provenance of a product; None where it was written without.

    Raises
    ------
    BadFrame
        Where the file is missing, damaged or not a product of Polarnight.
    """
    with _open(path) as hdus:
        if "PROVENANCE" not in hdus:
            return None
        unit = hdus["PROVENANCE"]
        rows = [tuple(_unescape(str(value)) for value in row) for row in unit.data]
        return Provenance(
            inputs=tuple(InputRecord(*row[1:]) for row in rows if row[0] == "input"),
            stages=tuple(StageRecord(*row[1:]) for row in rows if row[0] == "stage"),
            recipe_key=str(unit.header.get("RECIPE", "")),
        )


def read_tables(path: str | Path) -> dict[str, Table]:
    """Read the further tables of a product by name.

    Raises
    ------
    BadFrame
        Where the file is missing, damaged or not a product of Polarnight.
    """
    from astropy.io import fits
    from astropy.table import Table

    with _open(path) as hdus:
        return {
            hdu.name: Table.read(hdu)
            for hdu in hdus
            if isinstance(hdu, fits.BinTableHDU)
            and not isinstance(hdu, fits.CompImageHDU)
            and hdu.name not in _OWN
        }


def _primary_header(frame: Frame) -> Header:
    from astropy.io.fits import Header

    coordinates = wcs_cards(frame.wcs, frame.wcs_pair)
    header = Header()
    if frame.header is not None:
        header = carried_over(frame.header, drop_wcs=frame.wcs is not None)
    header.extend(coordinates.cards, update=True)
    header["EXTNAME"] = "SCI"
    if frame.unit:
        header["BUNIT"] = frame.unit
    return header


def _raw_header(header: Header) -> Header:
    """Return the header without what `write_frame` added."""
    raw = header.copy()
    for keyword in list(raw):
        if is_structural(keyword) and keyword in raw:
            del raw[keyword]
    return raw


def _bits_unit(frame: Frame) -> Any:
    from astropy.io import fits

    # Rice rather than gzip, whose tiles carry the time of day.
    tile = (min(64, frame.shape[0]), frame.shape[1])
    unit = fits.CompImageHDU(frame.bits, name="BITS", compression_type="RICE_1", tile_shape=tile)
    for position, definition in enumerate(BIT_DEFINITIONS):
        unit.header[f"BIT{position:02d}"] = (definition.name, definition.short)
    return unit


def _json_unit(frame: Frame) -> BinTableHDU:
    values = {
        "format": _FORMAT,
        "unit": frame.unit,
        "info": None if frame.info is None else frame.info.to_dict(),
        "meta": frame.meta,
        "has_header": frame.header is not None,
        "has_wcs": frame.wcs is not None,
    }
    try:
        rows = [(key, json.dumps(value, sort_keys=True)) for key, value in values.items()]
    except TypeError as error:
        msg = f"info and meta of a frame must be JSON-able: {error}"
        raise ValueError(msg) from error
    return _text_unit("POLARNIGHT", ("name", "json"), rows)


def provenance_unit(provenance: Provenance) -> BinTableHDU:
    """Return the table in which a product says what it was made from."""
    records = [("input", *record) for record in provenance.inputs]
    records += [("stage", *record) for record in provenance.stages]
    rows = [tuple(_escape(text) for text in record) for record in records]
    unit = _text_unit("PROVENANCE", ("kind", "name", "role_or_version", "key_or_parameters"), rows)
    unit.header["RECIPE"] = provenance.recipe_key
    return unit


def _text_unit(name: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> BinTableHDU:
    """Return a table of ASCII strings."""
    from astropy.io import fits

    made = []
    for i, column in enumerate(columns):
        texts = [row[i].encode("ascii") for row in rows]
        width = max([1, *map(len, texts)])
        made.append(fits.Column(column, f"{width}A", array=np.array(texts, dtype=f"S{width}")))
    return fits.BinTableHDU.from_columns(made, name=name)


def _json_values(hdus: HDUList) -> dict[str, Any]:
    return {str(row["name"]): json.loads(str(row["json"])) for row in hdus["POLARNIGHT"].data}


def _squared(unit: str) -> str:
    return " ".join(f"{part}2" if part[-1:].isalpha() else part for part in unit.split())


def _escape(text: str) -> str:
    # FITS text is ASCII; file names and object names need not be.
    return text.encode("unicode_escape").decode("ascii")


def _unescape(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _native(plane: Any, dtype: type) -> Any:
    """Return a contiguous array in the byte order of this machine."""
    return np.ascontiguousarray(plane, dtype=dtype)


class _open:  # noqa: N801  (used like a function)
    """Open a product, turning every fault of the file into `BadFrame`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __enter__(self) -> HDUList:
        from astropy.io import fits

        from polarnight.frames.blocks import open_plain, walk

        # Walking first finds a file that was cut short, of which astropy would only warn.
        with open_plain(self.path) as handle:
            names = []
            for block in walk(handle, self.path):
                names.append(block.name)
                if block.available < block.size:
                    raise BadFrame(self.path, f"truncated in unit {block.name or block.index}")
        if "POLARNIGHT" not in names:
            raise BadFrame(self.path, "not a frame that Polarnight wrote: no unit POLARNIGHT")
        self.hdus = fits.open(self.path, memmap=False)
        return self.hdus

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.hdus.close()
        if isinstance(error, OSError | ValueError | TypeError | KeyError):
            raise BadFrame(self.path, f"the product is damaged: {error}") from error
