"""oph_concatfits: FITS images appended to a cube."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue, nearest
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.language.indices import check_pairs, select_indices
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.operators.fits.importing import hdu_of
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.cubes.cube import Cube

__all__ = ["ConcatFits"]


@operator
class ConcatFits(Operator):
    """Frames appended to a stack."""

    name = "oph_concatfits"
    title = "Append FITS images to a cube."
    text = (
        "Frames are appended to a stack along its stacking dimension, with coordinates that go "
        "on; along an axis that the images have themselves they are put side by side. The new "
        "cube has the header of the first; nothing is copied. Ophidia has this for NetCDF only."
    )
    arguments = (
        cube(),
        Argument("src_path", "path", mandatory=True, multiple=True,
                 help="The files, joined by '|'."),
        Argument("hdu", default="auto",
                 help="Number of the HDU from 1, or its EXTNAME; auto is the first image."),
        Argument("dim", default="-",
                 help="Dimension along which; - is the one that the images do not have."),
        Argument("dim_offset", "float", None,
                 help="Step from the last coordinate to the next; the usual one unless given."),
        yes_no("dim_continue", True, "Kept for old commands: coordinates always go on."),
        yes_no("check_exp_dim", True, "Kept for old commands: sizes must always agree."),
        Argument("subset_dims", default=("none",), multiple=True, help="Axes to cut."),
        Argument("subset_filter", default=("all",), multiple=True,
                 help="What is kept of each: start or start:stop, counted from 0."),
        Argument("grid", default="-", help="Kept for old commands."),
        Argument("container", default="-", help="Where the cube goes; - is that of the input."),
        Argument("description", default="-", help="Text of the new cube."),
    )  # fmt: skip
    objects = ("concatfits",)
    kind = "U"
    extension = True

    def run(self, given: Given, context: Context) -> Answer:
        """Append them."""
        from polarnight.cubes.steps.joining import concat

        row = context.row(given["cube"])
        lazy = context.cube(row, with_cards=True)
        frames = [self._frame(path, given, lazy, context) for path in given["src_path"] if path]
        if not frames:
            msg = f"{self.name}: src_path names no file"
            raise BadValue(msg, "for example src_path=a.fits|b.fits")
        dim = self._dimension(given["dim"], lazy, frames[0])
        blocks = frames if dim in frames[0].names else [self._stacked(frames, lazy, dim, given)]
        made = concat([lazy, *(self._ordered(block, lazy, dim) for block in blocks)], dim)
        return context.make(made, Axes.of(row), given, [row])

    def _frame(self, path: str, given: Given, lazy: Cube, context: Context) -> Cube:
        """Open a file, and cut it."""
        from polarnight.cubes.cube import Cube

        place = context.files.find(path, context.cdd)
        if place.is_dir():
            msg = f"{self.name}: {path[:200]} is a directory"
            raise BadValue(msg, "name its files, joined by '|'")
        frame = Cube.open_fits(place, hdu_of(given["hdu"]), measure=lazy.measure)
        cuts = check_pairs(self.name, given["subset_dims"], given["subset_filter"], frame.names)
        chosen = {
            name: select_indices(self.name, name, text, frame.dim(name).size, first=0)
            for name, text in cuts
        }
        return frame.subset(**chosen) if chosen else frame

    def _dimension(self, name: str, lazy: Cube, frame: Cube) -> str:
        """Return the dimension along which frames are appended."""
        if name not in {"-", ""}:
            if name not in lazy.names:
                like = nearest(name, lazy.names)
                msg = f"{self.name}: the cube has no dimension {name[:60]!r}"
                raise BadValue(msg, f"did you mean {like or ', '.join(lazy.names)}?")
            return name
        missing = [one for one in lazy.names if one not in frame.names]
        if len(missing) != 1:
            listed = ", ".join(lazy.names)
            msg = f"{self.name}: along which of {listed} is not clear"
            raise BadValue(msg, "add dim=<name>")
        return missing[0]

    def _stacked(self, frames: list[Cube], lazy: Cube, dim: str, given: Given) -> Cube:
        """Return the frames as a stack whose coordinates go on where those of the cube end."""
        from polarnight.cubes.steps.joining import merge

        old = lazy.dim(dim).coordinates
        step = given["dim_offset"]
        if step is None:
            step = float(old[-1] - old[-2]) if len(old) > 1 else 1.0
        last = float(old[-1]) if len(old) else 0.0
        values = [last + step * (number + 1) for number in range(len(frames))]
        kind = lazy.dim(dim).type
        if kind not in {"float", "double"}:
            values = [round(value) for value in values]
        return merge(frames, dim, values=values, type=kind)

    def _ordered(self, block: Cube, lazy: Cube, dim: str) -> Cube:
        """Return a block with the dimensions in the order of the cube."""
        from polarnight.cubes.steps.shape import transpose

        if sorted(block.names) != sorted(lazy.names):
            msg = (
                f"{self.name}: the images have {', '.join(block.names)}, the cube "
                f"{', '.join(lazy.names)}"
            )
            raise BadValue(msg, f"images of the axes of the cube without {dim} can be appended")
        return block if block.names == lazy.names else transpose(block, lazy.names)
