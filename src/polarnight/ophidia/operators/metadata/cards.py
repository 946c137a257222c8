"""oph_metadata: the header cards of a cube."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polarnight.ophidia.answers.response import Grid, Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import BadValue, OperatorFailed
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.cubes.cards import StoredCard
    from polarnight.db.models import DataCube

__all__ = ["Metadata"]

_COLUMNS = (
    *("Id", "Variable", "Key", "Type", "Value", "Last_Modified", "User", "Vocabulary"),
    "Comment",
)
_TYPES = ("text", "image", "video", "audio", "url", "double", "float", "long", "int", "short")
_ALL = ("all",)


@operator
class Metadata(Operator):
    """The metadata of a cube."""

    name = "oph_metadata"
    reading = {"mode": ("read",)}
    title = "Read, insert, update and delete metadata of a cube."
    text = (
        "Keys do not mind case, and - is _: OBS_TYPE finds OBS-TYPE. mode=read shows the keys of "
        "metadata_key, whole names joined by '|', and values that hold metadata_value_filter; "
        "metadata_type and metadata_value are for insert and update. The archive is only read."
    )
    arguments = (
        Argument("mode", "enum", "read", choices=("insert", "read", "update", "delete"),
                 help="What to do."),
        cube(),
        Argument("metadata_key", default=_ALL, multiple=True, help="Names of keys."),
        Argument("variable", default="global",
                 help="What inserted keys belong to: a measure or dimension, or global."),
        Argument("metadata_id", "int", 0, minimum=0,
                 help="Number of one entry, as read shows it; overrides the key."),
        Argument("metadata_type", "enum", "text", choices=_TYPES, help="Of inserted values."),
        Argument("metadata_value", default=("-",), multiple=True,
                 help="Values to insert, one for each key, or the new value."),
        Argument("variable_filter", default="all", help="Part of the variable."),
        Argument("metadata_type_filter", default=_ALL, multiple=True, help="Types to read."),
        Argument("metadata_value_filter", default="all",
                 help="Part of the value; % and _ are wildcards."),
        yes_no("force", False, "Change keys that have a meaning in the vocabulary too."),
    )  # fmt: skip
    objects = ("metadata_list", "metadata_summary")
    serial = True
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Do what `mode` says."""
        row = context.row(given["cube"])
        mode = given["mode"]
        if mode == "read":
            found = self._chosen(row, given, context)
            return Answer(
                [Grid("metadata_list", "Searching results", _COLUMNS,
                      [self._cells(card, row, context) for card in found])]
            )  # fmt: skip
        if mode == "insert":
            count = self._insert(row, given, context)
        else:
            chosen = self._chosen(row, given, context)
            if not chosen:
                msg = f"{self.name}: no metadata of {given['cube']} match"
                raise OperatorFailed(msg, "mode=read shows what there is")
            self._refuse_functional([card.key for card in chosen], row, given, context)
            numbers = [card.id for card in chosen]
            if mode == "update":
                count = self._update(numbers, given, context)
            else:
                count = context.catalogue.cards.delete(numbers)
        done = {"insert": "inserted", "update": "updated", "delete": "deleted"}[mode]
        return Answer([Text("metadata_summary", "Success", f"{count} metadata {done}")])

    def _chosen(self, row: DataCube, given: Given, context: Context) -> list[StoredCard]:
        """Return the entries that are meant; a change must name keys or a number."""
        keys = [key for key in given["metadata_key"] if key not in {"all", ""}]
        if given["mode"] != "read" and not keys and not given["metadata_id"]:
            msg = f"{self.name}: mode={given['mode']} does not say what"
            raise BadValue(msg, "add metadata_key=<key> or metadata_id=<Id>")
        types = [kind for kind in given["metadata_type_filter"] if kind != "all"]
        variable, text = given["variable_filter"], given["metadata_value_filter"]
        return context.catalogue.cards.read(
            row.pk,
            keys=[] if given["metadata_id"] else keys,
            ids=[given["metadata_id"]] if given["metadata_id"] else [],
            variable="" if variable == "all" else variable,
            types=types,
            text="" if text == "all" else text,
        )

    def _insert(self, row: DataCube, given: Given, context: Context) -> int:
        keys, values = given["metadata_key"], given["metadata_value"]
        if keys == _ALL:
            msg = f"{self.name}: mode=insert does not say the key"
            raise BadValue(msg, "add metadata_key=<key>;metadata_value=<value>")
        if len(keys) != len(values):
            msg = f"{self.name}: {len(keys)} keys and {len(values)} values"
            raise BadValue(msg, "give one value for each key, joined by '|'")
        self._refuse_functional(list(keys), row, given, context)
        made = context.catalogue.cards.insert(
            row.pk,
            list(zip(keys, values, strict=True)),
            kind=given["metadata_type"],
            variable=given["variable"],
            user=context.user,
        )
        return len(made)

    def _update(self, numbers: list[int], given: Given, context: Context) -> int:
        values = given["metadata_value"]
        if len(values) != 1 or values == ("-",):
            msg = f"{self.name}: mode=update takes one metadata_value"
            raise BadValue(msg, "add metadata_value=<value>")
        return context.catalogue.cards.update(numbers, values[0], user=context.user)

    def _refuse_functional(
        self, keys: list[str], row: DataCube, given: Given, context: Context
    ) -> None:
        vocabulary = row.container.vocabulary
        for key in keys:
            if given["force"] != "yes" and context.catalogue.cards.is_functional(key, vocabulary):
                msg = f"{self.name}: {key} has a meaning in vocabulary {vocabulary}"
                raise OperatorFailed(msg, "add force=yes to change it all the same")

    def _cells(self, card: StoredCard, row: DataCube, context: Context) -> tuple[str, ...]:
        vocabulary = row.container.vocabulary
        functional = context.catalogue.cards.is_functional(card.key, vocabulary)
        return (
            str(card.id),
            card.variable,
            card.key,
            card.type,
            card.text,
            f"{card.modified:%Y-%m-%d %H:%M:%S}",
            card.user,
            vocabulary if functional else "",
            card.comment,
        )
