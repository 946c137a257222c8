"""oph_exportfits: cubes as FITS files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.errors import CubeError
from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.workbench import relabelled
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.files.guarding import exports, refuse_raw
from polarnight.ophidia.files.paths import check_file_name
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from astropy.io.fits import Header

    from polarnight.cubes.cube import Cube
    from polarnight.db.models import DataCube

__all__ = ["ExportFits"]

_DEFAULT = "default"
_FITS = re.compile(r"\.(fits|fit|fts)$", re.IGNORECASE)


@operator
class ExportFits(Operator):
    """A cube as a FITS file."""

    name = "oph_exportfits"
    title = "Write a cube as a FITS file."
    text = (
        "With the header, the coordinates on the sky, what was done (HISTORY) and where it comes "
        "from (PROVENANCE), variances and bits where the cube has them. The last cube unless one "
        "is named. Without output_path the file goes into export/<user>/<session> of the data "
        "directory. The file appears under its name when it is complete."
    )
    arguments = (
        cube(),
        yes_no("misc", False, "With output_path=default: export/<user>/<session>/misc."),
        Argument("output_path", "path", default=_DEFAULT,
                 help="Directory, in the data repository or one that is allowed; made if needed."),
        Argument("output_name", default=_DEFAULT,
                 help="Name of the file, .fits is added; that of the measure unless given."),
        Argument("template_path", "path", default=_DEFAULT,
                 help="FITS file whose header is written instead of that of the cube."),
        yes_no("force", False, "Replace a file of that name."),
        yes_no("export_metadata", True,
               "Write the metadata; coordinates, HISTORY and PROVENANCE are written anyway."),
    )  # fmt: skip
    objects = ("exportfits",)
    threads = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Write it."""
        row = context.row(given["cube"])
        place = self._place(row, given, context)
        header = self._template(given, context)
        bench = context.server.workbench
        lazy = bench.with_lineage(context.cube(row, with_cards=True))
        if given["export_metadata"] == "no":
            cards = lazy.metadata.wcs
            lazy = relabelled(lazy, metadata=cards)
        if place.exists():
            self._refuse_needed(place, lazy, context)
        try:
            with context.runner(given) as runner:
                lazy.to_fits(place, overwrite=given["force"] == "yes", header=header, runner=runner)
        except CubeError as error:
            if place.exists() and given["force"] != "yes":
                msg = f"{self.name}: {place} exists"
                raise OperatorFailed(msg, "add force=yes to replace it, or output_name") from error
            raise
        except OSError as error:
            msg = f"{self.name}: {place} cannot be written: {error.strerror or error}"
            raise OperatorFailed(msg) from error
        return Answer([Text("exportfits", "Output File", str(place))])

    def _place(self, row: DataCube, given: Given, context: Context) -> Path:
        name = given["output_name"]
        name = row.measure if name == _DEFAULT else check_file_name(name, "output_name")
        if "*" in name or "*" in given["output_path"]:
            msg = f"{self.name}: output_path={given['output_path'][:80]} still has stars"
            raise BadValue(msg, "put your own name in place of the stars")
        name = re.sub(r"[/\\\x00]", "_", name)
        if re.search(r"\.(gz|fz|bz2|zip)$", name, re.IGNORECASE):
            msg = f"{self.name}: output_name={name} would not be compressed"
            raise BadValue(msg, "leave the ending out; .fits is added")
        file = name if _FITS.search(name) else f"{name}.fits"
        if given["output_path"] != _DEFAULT:
            directory = context.files.place(given["output_path"], context.cdd)
        else:
            start = exports(context.settings, context.user) / context.session.code
            directory = start / "misc"
            if given["misc"] != "yes":
                directory = start / "nc" / str(row.container_id) / str(row.pk)
        if directory.is_file():
            msg = f"{self.name}: {given['output_path']} is a file"
            raise BadValue(msg, "output_path is a directory, the file is named by output_name")
        place = directory / file
        return context.files.place(str(place)) if place.exists() else place

    def _refuse_needed(self, place: Path, cube: Cube, context: Context) -> None:
        """Refuse to write over a raw frame of the archive, or what the cube is made of."""
        refuse_raw(place, context.files.root)
        waiting, seen = [cube], {cube.key}
        while waiting:
            one = waiting.pop()
            source = str(one.recipe.parameters.get("path", ""))
            if source and os.path.realpath(source) == os.path.realpath(place):
                msg = f"{self.name}: {place} is what the cube is made of"
                raise OperatorFailed(msg, "write it under another name")
            new = [inner for inner in one.inputs if inner.key not in seen]
            seen |= {inner.key for inner in new}
            waiting += new

    def _template(self, given: Given, context: Context) -> Header | None:
        if given["template_path"] == _DEFAULT:
            return None
        from polarnight.cubes.cube import Cube

        path = context.files.find(given["template_path"], context.cdd)
        return Cube.open_fits(path).metadata.derived().to_header()
