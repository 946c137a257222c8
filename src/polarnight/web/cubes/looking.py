"""Into a cube: a picture of two of its dimensions, numbers of it, its values as a table."""

from __future__ import annotations

import csv
import io
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from polarnight.config import get_settings
from polarnight.errors import Cancelled, ConfigError
from polarnight.ophidia.answers.page import picture
from polarnight.ophidia.server import Server
from polarnight.web.tables.cells import harmless

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube
    from polarnight.cubes.running.runner import Runner
    from polarnight.db.models import DataCube

__all__ = ["MOST_VALUES", "Slice", "TooLong", "csv_of", "slice_of", "why_stale"]

MOST_VALUES = 200_000
"""Values that are given as a table; oph_exportfits writes more."""

_SECONDS = 20.0  # of one request
_MOST_READ = 256_000_000  # values of one plane


class TooLong(Exception):
    """What was asked for takes too long for a page."""


@dataclass(frozen=True)
class Slice:
    """Two dimensions of a cube.

    Attributes
    ----------
    png : bytes or None
    figures : dict of str
        Titles and values.
    """

    png: bytes | None
    figures: dict[str, str]


@contextmanager
def _runner() -> Iterator[Runner]:
    """Give threads to compute with, which stop when it takes too long."""
    from polarnight.cubes.running.runner import Runner

    stop = threading.Event()
    timer = threading.Timer(_SECONDS, stop.set)
    timer.daemon = True
    timer.start()
    try:
        with Runner("threads", 1, 2, None, None, stop) as runner:
            yield runner
    except Cancelled as error:
        msg = f"this takes longer than {_SECONDS:g} seconds; use the console (oph_explorecube)"
        raise TooLong(msg) from error
    finally:
        timer.cancel()


def _server() -> Server:
    return Server(get_settings(), at_site=True)


@dataclass(frozen=True)
class _Plane:
    """What a picture is made of."""

    data: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        return int(self.data.ndim)


def slice_of(row: DataCube, places: dict[str, int], shown: Sequence[str] = ()) -> Slice:
    """Return a picture of two dimensions of a cube, and numbers about it.

    Parameters
    ----------
    row : DataCube
    places : dict of int
        Index of each other dimension, from 0; 0 unless given.
    shown : sequence of str
        The two dimensions, upwards and to the right; the last two unless given.

    Raises
    ------
    ConfigError
        For a dimension or index that the cube does not have.
    TooLong
    """
    cube = _server().workbench.cube(row)
    names = [dim.name for dim in cube.dims]
    axes = _shown(names, shown)
    for name in places:
        if name not in names:
            msg = f"the cube has no dimension {name[:40]!r}; it has {', '.join(names)}"
            raise ConfigError(msg)
    others = [name for name in names if name not in axes]
    for name in others:
        size, place = cube.dim(name).size, places.get(name, 0)
        if not 0 <= place < max(1, size):
            msg = f"{name} has places 0 to {size - 1}, not {place}"
            raise ConfigError(msg)
    data = cube.data.transpose([names.index(name) for name in (*others, *axes)])
    if 0 not in data.shape:
        data = data[tuple(places.get(name, 0) for name in others)]
    if int(np.prod(data.shape, dtype=np.float64)) > _MOST_READ:
        msg = f"a plane of {' x '.join(map(str, data.shape))} is too large for a picture"
        raise ConfigError(msg)
    with _runner() as runner:
        png, figures = picture(
            cast("Cube", _Plane(data)), lambda arrays: list(runner.arrays(arrays))
        )
    return Slice(png, figures)


def _shown(names: list[str], shown: Sequence[str]) -> list[str]:
    if not shown:
        return names[-2:]
    if len(set(shown)) != len(shown) or len(shown) > 2 or not set(shown) <= set(names):
        msg = f"the picture shows two of {', '.join(names)}, not {', '.join(shown)[:80]}"
        raise ConfigError(msg)
    return list(shown)


def csv_of(row: DataCube) -> str:
    """Return the values of a small cube with their coordinates, a line for each.

    Raises
    ------
    ConfigError
        Where they are too many.
    TooLong
    """
    if row.n_elements > MOST_VALUES:
        msg = (
            f"the cube has {row.n_elements} values, and a table at most {MOST_VALUES}; "
            "oph_subset takes a part of it, oph_exportfits writes all of it"
        )
        raise ConfigError(msg)
    cube = _server().workbench.cube(row)
    with _runner() as runner:
        values = np.asarray(runner.arrays([cube.data])[0])
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([harmless(name) for name in (*(d.name for d in cube.dims), cube.measure)])
    places = itertools.product(*(dim.coordinates.tolist() for dim in cube.dims))
    for place, value in zip(places, values.ravel().tolist(), strict=True):
        writer.writerow([harmless(cell) for cell in (*place, value)])
    return file.getvalue()


def why_stale(row: DataCube) -> list[str]:
    """Return why a cube would be another one if it were made now."""
    return _server().workbench.why_stale(row)
