"""oph_randcube and oph_randcube2: cubes of random numbers, to try things with."""

from __future__ import annotations

import hashlib
from math import prod

from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.engine.fragments import fragments_text
from polarnight.ophidia.engine.randoms import block_count, random_cube
from polarnight.ophidia.engine.workbench import Axes
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.files.paths import check_name
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.language.types import TYPES
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["RandCube", "RandCube2"]

_MOST = 1 << 40
_MOST_BLOCKS = 100_000  # each is a task of its own
_DESCRIPTION = Argument("description", default="-", help="Text of the cube.")


class _Random(Operator):
    """Base of both."""

    kind = "U"
    threads = True
    arguments = (
        Argument("container", mandatory=True, help="Where it goes; made if it is not there."),
        Argument("nhost", "int", 0, minimum=0, help="Hosts; there is one."),
        Argument("nfrag", "int", mandatory=True, minimum=1, help="Fragments."),
        Argument("ntuple", "int", mandatory=True, minimum=1, help="Rows of a fragment."),
        Argument("measure", mandatory=True, help="Name of the quantity."),
        Argument("measure_type", "enum", mandatory=True, choices=tuple(reversed(TYPES)),
                 help="Type of the numbers."),
        Argument("exp_ndim", "int", mandatory=True, minimum=1,
                 help="How many of the dimensions are explicit."),
        Argument("dim", mandatory=True, multiple=True, help="Names of the dimensions."),
        Argument("dim_size", "int", mandatory=True, multiple=True, minimum=1,
                 help="Their sizes; nfrag x ntuple rows in all."),
        Argument("concept_level", default=("c",), multiple=True, help="Kept for old commands."),
        Argument("algorithm", "enum", "default", choices=("default", "temperatures"),
                 help="default: even from 0 to 1000; temperatures: a walk that varies slowly."),
        Argument("seed", "int", None, minimum=0, extension=True,
                 help="The same seed gives the same numbers; otherwise they differ every time."),
        Argument("grid", default="-", help="Kept for old commands."),
        Argument("ioserver", default="mysql_table", help="Kept for old commands."),
        Argument("filesystem", default="auto", help="Kept for old commands."),
        Argument("policy", "enum", "rr", choices=("rr", "port"), help="Kept for old commands."),
        yes_no("compressed", False, "Kept for old commands."),
        yes_no("run", True, "no only shows the fragments that would be made."),
        _DESCRIPTION,
    )  # fmt: skip

    def run(self, given: Given, context: Context) -> Answer:
        """Make it; the numbers come when somebody looks."""
        names, sizes = given["dim"], given["dim_size"]
        explicit = given["exp_ndim"]
        if len(names) != len(sizes) or not explicit < len(names):
            msg = f"{self.name}: {len(names)} dimensions, {len(sizes)} sizes, exp_ndim={explicit}"
            raise BadValue(msg, "give each dimension a size, and leave one of them implicit")
        for name in names:
            check_name(name, "dimension")
        if len(set(names)) != len(names):
            msg = f"{self.name}: dim={'|'.join(names)[:60]} names one twice"
            raise BadValue(msg, "give every dimension a name of its own")
        rows, wanted = prod(sizes[:explicit]), given["nfrag"] * given["ntuple"]
        if rows != wanted:
            msg = (
                f"{self.name}: nfrag x ntuple is {wanted}, the explicit dimensions have {rows} rows"
            )
            raise BadValue(msg, f"for example nfrag={given['nfrag']} with dim_size to match")
        if prod(sizes) > _MOST:
            msg = f"{self.name}: {prod(sizes)} numbers are too many"
            raise BadValue(msg, f"at most {_MOST}")
        if (blocks := block_count(sizes)) > _MOST_BLOCKS:
            msg = (
                f"{self.name}: a cube of {' x '.join(map(str, sizes))} numbers has {blocks} blocks"
            )
            raise BadValue(msg, f"at most {_MOST_BLOCKS}, of a million numbers at best: use less")
        if given["run"] == "no":
            key = self.name.removeprefix("oph_")
            return Answer([Text(key, "Fragments", fragments_text(rows, given["nfrag"]))])
        seed = given["seed"]
        if seed is None:
            # Of the job, so that what a workflow does again is the same again.
            digest = hashlib.sha256(context.server.job_name(context.job).encode()).digest()
            seed = int.from_bytes(digest[:6], "little")
        cube = random_cube(
            names, sizes, given["measure_type"], seed=seed, algorithm=given["algorithm"],
            measure=check_name(given["measure"], "measure"),
        )  # fmt: skip
        axes = Axes(tuple(names[:explicit]), tuple(names[explicit:]))
        return context.make(cube, axes, given, nfrag=given["nfrag"])


@operator
class RandCube(_Random):
    """A cube of random numbers."""

    name = "oph_randcube"
    title = "Make a cube of random numbers."
    text = "For trying things out. Numbers are made when they are needed, in blocks."
    objects = ("randcube",)


@operator
class RandCube2(_Random):
    """A cube of random numbers, as oph_randcube makes."""

    name = "oph_randcube2"
    title = "Make a cube of random numbers, as oph_randcube."
    text = "Ophidia had two for two kinds of servers; here both are the same."
    objects = ("randcube2",)
