"""oph_importfits: images of FITS files as cubes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.cubes.cube import Cube
from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.fragments import fit_fragments, fragments_text
from polarnight.ophidia.engine.placing import dimension_types
from polarnight.ophidia.engine.workbench import Axes, relabelled
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.language.indices import check_pairs, select_indices
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import CubeContainer

__all__ = ["ImportFits", "hdu_of"]

_NONE, _AUTO = "-", ("auto",)


@operator
class ImportFits(Operator):
    """Images of FITS files as cubes."""

    name = "oph_importfits"
    title = "Import an image of a FITS file as a cube."
    text = (
        "The cube is a view: only headers are read, and pixels when they are needed. Values are "
        "exact, whatever BZERO and BSCALE; blanks are not a number; NAXIS1 is the fastest axis. "
        "Compressed files (.fz, .gz) are read too. A container that does not exist is made with "
        "the axes of the file. Files are looked for in the data repository (pdd, lsd), and an "
        "absolute path that is not there under the directories that are allowed."
    )
    arguments = (
        Argument("src_path", "path", mandatory=True,
                 help="The file; several joined by '|', or a filter [path=...;file=*.fits]."),
        Argument("input", "path", default="", help="Another name of src_path."),
        Argument("container", default=_NONE,
                 help="Where the cube goes; - is a container named like the file."),
        Argument("measure", default="image", help="Name of the quantity."),
        Argument("hdu", default="auto",
                 help="Number of the HDU from 1, or its EXTNAME; auto is the first image."),
        Argument("exp_dim", default=_AUTO, multiple=True,
                 help="Axes that count the rows of the cube; auto is all but the last."),
        Argument("imp_dim", default=_AUTO, multiple=True,
                 help="Axes inside a row; auto is those that are not explicit."),
        Argument("subset_dims", default=("none",), multiple=True, help="Axes to cut."),
        Argument("subset_filter", default=("all",), multiple=True,
                 help="What is kept of each: start or start:stop, counted from 0."),
        yes_no("import_metadata", True, "Take the header cards into the catalogue."),
        Argument("nhost", "int", 0, minimum=0, help="Hosts; there is one."),
        Argument("nfrag", "int", 0, minimum=0,
                 help="Fragments; fewer are made where the rows cannot be divided so."),
        Argument("ioserver", default="mysql_table", help="Kept for old commands."),
        Argument("policy", "enum", "rr", choices=("rr", "port"), help="Kept for old commands."),
        yes_no("compressed", False, "Kept for old commands."),
        yes_no("run", True, "no only shows the fragments that would be made."),
        Argument("description", default=_NONE, help="Text of the cube."),
    )  # fmt: skip
    objects = ("importfits", "importfits_summary")
    massive = "src_path"
    brief = True

    def run(self, given: Given, context: Context) -> Answer:
        """Import one file."""
        path = context.files.find(given["src_path"], context.cdd)
        if path.is_dir():
            msg = f"{self.name}: {given['src_path']} is a directory"
            raise BadValue(msg, f"import its files by src_path=[path={given['src_path']};file=*]")
        measure = check_name(given["measure"], "measure")
        cube = Cube.open_fits(path, hdu_of(given["hdu"]), measure=measure)
        axes, level = self._axes(given, cube), cube.level
        cuts = check_pairs(self.name, given["subset_dims"], given["subset_filter"], cube.names)
        if cuts:
            cube = self._cut(cube, cuts)
        rows = 1
        for name in axes.explicit:
            rows *= cube.dim(name).size
        nfrag, warnings = fit_fragments(self.name, given["nhost"], given["nfrag"], rows)
        if given["run"] == "no":
            text = fragments_text(rows, nfrag)
            return Answer([Text("importfits_summary", "Fragments", text)], warnings=warnings)
        if given["import_metadata"] == "no":
            cube = relabelled(cube, metadata=type(cube.metadata)())
        container = given["container"] if given["container"] != _NONE else _name_of(path)
        found = self._container(container, cube, axes, context)
        answer = context.make(
            cube, axes, {**given, "container": container}, container=found, nfrag=nfrag, level=level
        )
        answer.warnings = [w for w in answer.warnings if given["container"] != _NONE] + warnings
        return answer

    def _axes(self, given: Given, cube: Cube) -> Axes:
        """Return which axes are explicit; every axis has to be one or the other."""
        names = list(cube.names)
        explicit = _canonical(given["exp_dim"], names)
        implicit = _canonical(given["imp_dim"], names)
        if explicit is None and implicit is None:
            explicit, implicit = names[:-1], names[-1:]
        elif explicit is None:
            explicit = [name for name in names if name not in (implicit or [])]
        elif implicit is None:
            implicit = [name for name in names if name not in explicit]
        both = [*explicit, *(implicit or [])]
        if sorted(both) != sorted(names):
            msg = (
                f"{self.name}: exp_dim={'|'.join(explicit)} and imp_dim={'|'.join(implicit or [])}"
            )
            remedy = f"every axis of the image has to be in one of them: {', '.join(names)}"
            raise BadValue(f"{msg} do not fit the image", remedy)
        return Axes(tuple(explicit), tuple(implicit or []))

    def _cut(self, cube: Cube, cuts: list[tuple[str, str]]) -> Cube:
        for _, text in cuts:
            if "," in text or text.count(":") > 1:
                msg = f"{self.name}: subset_filter={text[:60]} is no single range"
                raise BadValue(msg, "use start or start:stop here, and oph_subset afterwards")
        chosen = {
            name: select_indices(self.name, name, text, cube.dim(name).size, first=0)
            for name, text in cuts
        }
        return cube.subset(**chosen)

    def _container(
        self, name: str, cube: Cube, axes: Axes, context: Context
    ) -> CubeContainer | None:
        """Return the container of a name, None where there is none yet or it lacks dimensions.

        Raises
        ------
        BadValue
            Where it has other dimensions.
        """
        found = context.catalogue.containers.find(context.session, name, context.cwd)
        if found is None or not found.dims:
            return None
        have = {dim["name"]: dim["type"] for dim in found.dims}
        for dim, kind in dimension_types(cube, axes):
            if dim not in have:
                listed = ", ".join(have)
                msg = f"{self.name}: container {name!r} has dimensions {listed}, not {dim}"
                raise BadValue(msg, "name another container; one that does not exist is made")
            if have[dim] != kind:
                msg = f"{self.name}: dimension {dim} of container {name!r} is {have[dim]}"
                raise BadValue(msg, f"make the container with dim_type={kind}, or name another")
        return found


def hdu_of(text: str) -> int | str | None:
    """Return the position (from 0) or the EXTNAME that ``hdu`` names; None for auto."""
    if text.strip().lower() in {"auto", ""}:
        return None
    if re.fullmatch(r"\d{1,6}", text.strip(), re.ASCII):
        if int(text) < 1:
            msg = f"oph_importfits: hdu={text} is none"
            raise BadValue(msg, "HDUs are counted from 1, the primary")
        return int(text) - 1
    return text.strip()


def _canonical(given: tuple[str, ...], names: list[str]) -> list[str] | None:
    """Return names as the image has them, None for auto."""
    wanted = [name for name in given if name]
    if [name.lower() for name in wanted] == ["auto"] or not wanted:
        return None
    known = {name.lower(): name for name in names}
    return [known.get(name.lower(), name) for name in wanted]


def _name_of(path: Path) -> str:
    """Return a name of a container for a file."""
    name = re.sub(r"[^A-Za-z0-9_.+-]", "_", path.name).lstrip(".+-")
    return name[:190].rstrip(".") or "image"
