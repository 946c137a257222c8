"""oph_explorecube: the numbers of a cube."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from polarnight.ophidia.answers.cubeinfo import dimension_grid, values_grid
from polarnight.ophidia.answers.response import Grid, Item, Response, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.files.paths import check_file_name
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.language.indices import (
    Selection,
    check_pairs,
    select_coordinates,
    select_indices,
)
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["ExploreCube"]

_MOST_ROWS = 10_000
_MOST_VALUES = 5_000_000
_DEFAULT = "default"


@operator
class ExploreCube(Operator):
    """The numbers of a cube."""

    name = "oph_explorecube"
    reading = {"output_path": ("default",), "output_name": ("default",)}
    title = "Show the values of a cube."
    text = (
        "One row for each explicit coordinate, with the values of the row joined by commas. Only "
        "what is shown is computed."
    )
    arguments = (
        cube(),
        Argument("limit_filter", "int", 100, minimum=0, maximum=_MOST_ROWS,
                 help="Rows at most; 0 is as many as are allowed."),
        Argument("subset_dims", default=("none",), multiple=True, help="Dimensions to cut."),
        Argument("subset_filter", default=("all",), multiple=True,
                 help="What is shown of each; as for oph_subset."),
        Argument("subset_type", "enum", "index", choices=("index", "coord"),
                 help="Whether filters are indices or coordinates."),
        yes_no("time_filter", True, "Kept for old commands."),
        yes_no("show_id", False, "Number the rows."),
        yes_no("show_index", False, "Show the numbers of explicit coordinates too."),
        yes_no("show_time", False, "Kept for old commands."),
        Argument("level", "int", 1, minimum=1, maximum=2,
                 help="2 shows the values of the dimensions too."),
        Argument("output_path", "path", default=_DEFAULT,
                 help="Directory of a file for the answer; none is written unless given."),
        Argument("output_name", default=_DEFAULT, help="Name of that file; .json is added."),
        yes_no("base64", False, "Values in base64, as they are in memory."),
        yes_no("export_metadata", False, "Show the metadata too."),
    )  # fmt: skip
    objects = (
        "explorecube_data",
        "explorecube_summary",
        "explorecube_dimvalues",
        "explorecube_diminfo",
        "explorecube_metadata",
    )
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Compute and show them."""
        row = context.row(given["cube"])
        axes = Axes.of(row)
        whole = context.cube(row)
        places = self._places(whole, axes, given)
        lazy = whole.subset(**places) if places else whole
        limit = given["limit_filter"] or _MOST_ROWS
        total = int(np.prod([lazy.dim(name).size for name in axes.explicit], dtype=np.int64))
        shown = min(total, limit)
        inner = int(np.prod([lazy.dim(name).size for name in axes.implicit], dtype=np.int64))
        if shown * inner > _MOST_VALUES:
            msg = f"{self.name}: {shown} rows of {inner} values are too many to show"
            raise OperatorFailed(msg, "use subset_dims and subset_filter, or limit_filter")
        values = self._values(lazy, axes, shown, inner, given, context)
        # As they are numbered in the cube: what oph_subset takes.
        numbers: dict[str, Sequence[int]] = {}
        for name in axes.names:
            every, place = range(1, whole.dim(name).size + 1), places.get(name, slice(None))
            if isinstance(place, slice):
                numbers[name] = every[place]
            else:
                numbers[name] = [every[number] for number in place]
        grid = self._grid(lazy, axes, values, numbers, given)
        objects: list[Item] = [
            grid,
            Text("explorecube_summary", "Summary", f"{shown} of {total} rows"),
        ]
        if given["level"] == 2:
            objects.append(dimension_grid(row))
            for name in axes.names:
                table = values_grid(row, name)
                lines = [table.rows[number - 1] for number in numbers[name]]
                objects.append(
                    Grid("explorecube_dimvalues", table.title, table.columns, lines, table.types)
                )
            objects[2].key = "explorecube_diminfo"
        if given["export_metadata"] == "yes":
            cards = [(c.key, c.type, c.text) for c in context.catalogue.cards.read(row.pk)]
            objects.append(
                Grid("explorecube_metadata", "Metadata", ("Key", "Type", "Value"), cards)
            )
        return Answer(objects + self._written(objects, given, context))

    def _places(self, lazy: Cube, axes: Axes, given: Given) -> dict[str, Selection]:
        chosen: dict[str, Selection] = {}
        for name, text in check_pairs(
            self.name, given["subset_dims"], given["subset_filter"], axes.names
        ):
            dim = lazy.dim(name)
            if given["subset_type"] == "index":
                chosen[name] = select_indices(self.name, name, text, dim.size)
            else:
                chosen[name] = select_coordinates(self.name, dim, text)
        return chosen

    def _values(
        self, lazy: Cube, axes: Axes, shown: int, inner: int, given: Given, context: Context
    ) -> np.ndarray[Any, Any]:
        """Return the rows that are shown, shape (rows, values)."""
        if axes.explicit and shown:
            first = axes.explicit[0]
            below = [lazy.dim(name).size for name in axes.explicit[1:]]
            needed = -(-shown // max(1, int(np.prod(below, dtype=np.int64))))
            if needed < lazy.dim(first).size:
                lazy = lazy.subset(**{first: slice(0, needed)})
        if 0 in lazy.shape:
            return np.empty((0, inner), lazy.dtype)
        order = [lazy.axis(name) for name in axes.names]
        data = lazy.data.transpose(order) if lazy.ndim else lazy.data
        found: np.ndarray[Any, Any] = context.compute([data], given)[0]
        return np.asarray(found).reshape(-1, inner)[:shown]

    def _grid(
        self,
        lazy: Cube,
        axes: Axes,
        values: np.ndarray[Any, Any],
        numbers: Mapping[str, Sequence[int]],
        given: Given,
    ) -> Grid:
        sizes = [lazy.dim(name).size for name in axes.explicit]
        places = np.unravel_index(np.arange(len(values)), sizes) if sizes and len(values) else ()
        named = [lazy.dim(name).coordinates for name in axes.explicit]
        columns: list[str] = ["ID"] if given["show_id"] == "yes" else []
        for name in axes.explicit:
            columns += [f"{name} INDEX", name] if given["show_index"] == "yes" else [name]
        rows = []
        for number, line in enumerate(values):
            cells: list[Any] = [number + 1] if given["show_id"] == "yes" else []
            for axis, place in enumerate(places):
                at = int(place[number])
                if given["show_index"] == "yes":
                    cells.append(numbers[axes.explicit[axis]][at])
                cells.append(named[axis][at].item())
            rows.append((*cells, _text(line, given["base64"] == "yes")))
        return Grid("explorecube_data", lazy.measure, (*columns, lazy.measure), rows)

    def _written(self, objects: list[Item], given: Given, context: Context) -> list[Item]:
        """Write the answer to a file where one is named."""
        if given["output_path"] == _DEFAULT and given["output_name"] == _DEFAULT:
            return []
        from polarnight.frames.atomic import atomic_write

        name = given["output_name"] if given["output_name"] != _DEFAULT else "explorecube"
        check_file_name(name, "output_name")
        path = "." if given["output_path"] == _DEFAULT else given["output_path"]
        place = context.files.place(path, context.cdd) / f"{name}.json"
        text = json.dumps(Response(objects).as_dict()["response"])
        try:
            with atomic_write(place) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{self.name}: {place} cannot be written: {error.strerror}"
            raise OperatorFailed(msg) from error
        return [Text("explorecube_file", "Output File", str(place))]


def _text(values: np.ndarray[Any, Any], in_base64: bool) -> str:
    """Return the values of a row: joined by commas, or their bytes in base64."""
    if in_base64:
        native = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        return base64.b64encode(native.tobytes()).decode()
    if values.dtype.kind == "f":
        return ", ".join(str(value) for value in values)
    return ", ".join(map(str, values.tolist()))
