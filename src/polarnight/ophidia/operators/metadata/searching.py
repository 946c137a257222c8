"""oph_search: cubes by their metadata."""

from __future__ import annotations

from polarnight.ophidia.answers.response import Grid
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue
from polarnight.ophidia.language.arguments import Argument, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

__all__ = ["Search"]

_ALL = ("all",)


@operator
class Search(Operator):
    """Cubes by their metadata."""

    name = "oph_search"
    reading = {}
    title = "Find cubes by their metadata."
    text = (
        "One row for each cube and key that matches. Keys and values are matched as in SQL: % is "
        "any text and _ any character, and a part of a text is enough; 30 finds the numbers that "
        "are equal to it, >=30 those that are not less, <=2016-06-06 times of that day too. Cubes "
        "made from others have the metadata of these and are found "
        "only with derived=yes. A filter [metadata_key=...;metadata_value=...] in place of a cube "
        "asks for all its keys at once, as match=all does here."
    )
    arguments = (
        Argument("container_filter", default=_ALL, multiple=True, help="Names of containers."),
        Argument("metadata_key_filter", default=_ALL, multiple=True, help="Names of keys."),
        Argument("metadata_value_filter", default=_ALL, multiple=True,
                 help="Values, one for each key; one alone serves for all."),
        Argument("path", default="-", help="Where to look; the current folder unless given."),
        yes_no("recursive", False, "Look into folders below too."),
        Argument("match", "enum", "any", choices=("any", "all"), extension=True,
                 help="Whether a cube needs to match any or all of the pairs."),
        yes_no("derived", False, "Find cubes that were made from others too.", extension=True),
    )  # fmt: skip
    objects = ("search",)
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Find them."""
        from polarnight.db.cubes.matching import Term
        from polarnight.db.cubes.scope import Scope
        from polarnight.db.cubes.search import CubeFilter

        keys, values = given["metadata_key_filter"], given["metadata_value_filter"]
        if len(values) == 1:
            values = values * len(keys)
        if len(keys) == 1:
            keys = keys * len(values)
        if len(keys) != len(values):
            msg = f"{self.name}: {len(keys)} keys and {len(values)} values"
            raise BadValue(msg, "give one value for each key, joined by '|', or one for all")
        path = context.cwd if given["path"] in {"-", ""} else given["path"]
        wanted = CubeFilter(
            terms=[Term.dialect(k, v, like=True) for k, v in zip(keys, values, strict=True)],
            together=given["match"] == "all",
            scope=Scope(
                path, context.cwd, given["recursive"] == "yes", 0, given["container_filter"]
            ),
            derived=given["derived"] == "yes",
        )
        hits = context.catalogue.search.cards(context.session, wanted)
        base = context.catalogue.base
        rows = [(f"{base}/{hit.container}/{hit.cube}", hit.key, hit.value) for hit in hits]
        return Answer([Grid("search", "Searching results", ("Datacube", "Key", "Value"), rows)])
