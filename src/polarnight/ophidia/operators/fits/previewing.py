"""oph_explorefits: a look into a FITS file before it is imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.ophidia.answers.response import Grid, Item
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.language.indices import check_pairs, select_coordinates, select_indices
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.operators.fits.importing import hdu_of
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["ExploreFits"]

_MOST_VALUES = 2_000_000
_STATISTICS = (
    *("MEAN", "VARIANCE", "STD DEV", "ABS DEV", "SKEW", "KURTOSIS", "AUTOCORRELATION", "MAX"),
    *("MIN", "QUANTILE 0.05", "QUANTILE 0.25", "MEDIAN", "QUANTILE 0.75", "QUANTILE 0.95"),
)
_NOTHING = "0" * len(_STATISTICS)


@operator
class ExploreFits(Operator):
    """A look into a FITS file."""

    name = "oph_explorefits"
    reading = {}
    title = "Look into a FITS file: its images, header, values, statistics of rows."
    text = (
        "Nothing is imported. level=0 shows the images and the header, level=1 values, level=2 "
        "coordinates too. Ophidia has this for NetCDF only, as oph_explorenc."
    )
    arguments = (
        Argument("src_path", "path", mandatory=True, help="The file."),
        Argument("hdu", default="auto",
                 help="Number of the HDU from 1, or its EXTNAME; auto is the first image."),
        Argument("level", "int", 0, minimum=0, maximum=2, help="What to show."),
        Argument("limit_filter", "int", 100, minimum=1, maximum=10000, help="Rows at most."),
        Argument("subset_dims", default=("none",), multiple=True, help="Axes to cut."),
        Argument("subset_filter", default=("all",), multiple=True,
                 help="What is kept of each: start or start:stop, counted from 1."),
        Argument("subset_type", "enum", "index", choices=("index", "coord"),
                 help="Whether filters are indices or coordinates."),
        yes_no("show_id", False, "Number the rows."),
        yes_no("show_index", False, "Number the coordinates."),
        Argument("show_stats", default=_NOTHING,
                 help="Statistics of rows, by a mask as oph_gsl_stats has it."),
        yes_no("show_fit", False, "Straight lines through the rows."),
    )  # fmt: skip
    objects = (
        *("explorefits_summary", "explorefits_metadata", "explorefits_data"),
        *("explorefits_dimvalues", "explorefits_stats", "explorefits_fit"),
    )
    kind = "U"
    extension = True
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Look."""
        from polarnight.cubes.cube import Cube

        path = context.files.find(given["src_path"], context.cdd)
        if path.is_dir():
            msg = f"{self.name}: {given['src_path'][:200]} is a directory"
            raise BadValue(msg, "oph_fs lists what is in it")
        objects: list[Item] = [self._images(path)]
        cube = Cube.open_fits(path, hdu_of(given["hdu"]))
        if given["level"] == 0:
            cards = [(card.key, _shown(card.value), card.comment) for card in cube.metadata]
            columns = ("Key", "Value", "Comment")
            objects.append(Grid("explorefits_metadata", "Header", columns, list(cards)))
        cube = self._cut(cube, given)
        if given["level"] > 0:
            objects.append(self._values(cube, given, context))
        if given["level"] == 2:
            objects += [self._coordinates(cube, name, given) for name in cube.names]
        if given["show_stats"].strip("0"):
            objects.append(self._statistics(cube, given, context))
        if given["show_fit"] == "yes":
            objects.append(self._fit(cube, given, context))
        return Answer(objects)

    def _images(self, path: Path) -> Grid:
        from polarnight.cubes import list_hdus

        rows = [
            (number + 1, name, kind, " x ".join(str(size) for size in reversed(shape)))
            for number, name, shape, kind in list_hdus(path)
        ]
        columns = ("HDU", "EXTNAME", "TYPE", "NAXIS1 x NAXIS2 ...")
        return Grid("explorefits_summary", "Images", columns, list(rows))

    def _cut(self, cube: Cube, given: Given) -> Cube:
        chosen = {}
        cuts = check_pairs(self.name, given["subset_dims"], given["subset_filter"], cube.names)
        for name, text in cuts:
            if given["subset_type"] == "coord":
                chosen[name] = select_coordinates(self.name, cube.dim(name), text)
            else:
                chosen[name] = select_indices(self.name, name, text, cube.dim(name).size)
        return cube.subset(**chosen) if chosen else cube

    def _rows(self, data: Any, given: Given, context: Context) -> np.ndarray[Any, Any]:
        """Return the first rows, shape (rows, values)."""
        width = data.shape[-1]
        flat = data.reshape(-1, width)[: given["limit_filter"]]
        if flat.size > _MOST_VALUES:
            msg = f"{self.name}: {flat.shape[0]} rows of {width} values are too many to show"
            raise OperatorFailed(msg, "use subset_dims and subset_filter, or limit_filter")
        return np.asarray(context.compute([flat], given)[0])

    def _grid(self, key: str, title: str, columns: Any, rows: Any, given: Given) -> Grid:
        numbered = given["show_id"] == "yes"
        cells = [
            (number, *row) if numbered else tuple(row) for number, row in enumerate(rows, start=1)
        ]
        return Grid(key, title, ("ID", *columns) if numbered else columns, list(cells))

    def _values(self, cube: Cube, given: Given, context: Context) -> Grid:
        found = self._rows(cube.data, given, context)
        rows = [(", ".join(str(value) for value in row.tolist()),) for row in found]
        return self._grid("explorefits_data", cube.measure, (cube.measure,), rows, given)

    def _coordinates(self, cube: Cube, name: str, given: Given) -> Grid:
        values = cube.dim(name).coordinates.tolist()
        if given["show_index"] == "yes":
            rows = list(enumerate(values, start=1))
            return Grid("explorefits_dimvalues", name, ("INDEX", "VALUE"), list(rows))
        return Grid("explorefits_dimvalues", name, ("VALUE",), [(value,) for value in values])

    def _statistics(self, cube: Cube, given: Given, context: Context) -> Grid:
        from polarnight.ophidia.primitives import evaluate

        mask = given["show_stats"]
        made = evaluate(f"oph_gsl_stats(measure,'{mask}')", self._plain(mask, cube))
        rows = self._rows(made.data.reshape(-1, mask.count("1")), given, context)
        columns = [name for name, digit in zip(_STATISTICS, mask, strict=False) if digit == "1"]
        return self._grid("explorefits_stats", "Statistics", tuple(columns), rows, given)

    def _plain(self, mask: str, cube: Cube) -> Cube:
        if set(mask) - {"0", "1"} or len(mask) > len(_STATISTICS):
            msg = f"{self.name}: show_stats={mask[:40]} is no mask of digits 0 and 1"
            raise BadValue(msg, "for example show_stats=101 for mean and standard deviation")
        return cube

    def _fit(self, cube: Cube, given: Given, context: Context) -> Grid:
        from polarnight.ophidia.primitives import evaluate

        made = evaluate("oph_gsl_fit_linear_coeff(measure,dimension,'110001')", cube)
        rows = self._rows(made.data.reshape(-1, 3), given, context)
        columns = ("INTERCEPT", "SLOPE", "SUM OF SQUARES LEFT")
        return self._grid("explorefits_fit", "Straight Lines", columns, rows, given)


def _shown(value: Any) -> str:
    """Return the value of a card as a header has it."""
    return ("T" if value else "F") if isinstance(value, bool) else str(value)
