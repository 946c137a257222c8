"""oph_publish and oph_unpublish: a page about a cube."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from polarnight.ophidia.answers.page import cube_page, picture
from polarnight.ophidia.answers.response import Text
from polarnight.ophidia.context import Context
from polarnight.ophidia.errors import OperatorFailed
from polarnight.ophidia.files.guarding import exports
from polarnight.ophidia.language.arguments import Argument, cube, yes_no
from polarnight.ophidia.operator import Answer, Given, Operator
from polarnight.ophidia.registry import operator

if TYPE_CHECKING:
    from polarnight.db.models import DataCube

__all__ = ["Publish", "Unpublish"]


@operator
class Publish(Operator):
    """A page about a cube."""

    name = "oph_publish"
    title = "Write an HTML page with a picture of a cube, its dimensions and its metadata."
    text = (
        "The page is one file, which needs no other; it lies in the export directory of the "
        "session. oph_unpublish removes it."
    )
    arguments = (
        cube(),
        Argument("content", "enum", "all", choices=("all", "data", "metadata"),
                 help="data: picture and numbers; metadata: the header cards."),
        yes_no("show_index", False, "Number the cards."),
        yes_no("show_id", False, "Kept for old commands."),
        yes_no("show_time", False, "Kept for old commands."),
    )  # fmt: skip
    objects = ("publish",)
    kind = "U"
    massive = "cube"

    def run(self, given: Given, context: Context) -> Answer:
        """Write it."""
        from polarnight.frames import atomic_write

        row = context.row(given["cube"])
        png = values = None
        if given["content"] != "metadata":
            lazy = context.cube(row)
            png, values = picture(lazy, lambda arrays: context.compute(arrays, given))
        cards = None
        if given["content"] != "data":
            cards = [
                (card.key, card.value, card.comment)
                for card in context.catalogue.cards.read(row.pk)
            ]
        text = cube_page(
            row, context.catalogue.pid(row), png, values, cards,
            numbered=given["show_index"] == "yes",
        )  # fmt: skip
        place = _page_of(row, context)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(place) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            msg = f"{self.name}: {place} cannot be written: {error.strerror}"
            raise OperatorFailed(msg, "make room, or allow writing there") from error
        return Answer([Text("publish", "Page", place.as_posix())])


@operator
class Unpublish(Operator):
    """No page about a cube any more."""

    name = "oph_unpublish"
    title = "Remove the page of a cube."
    arguments = (cube(),)
    objects = ("unpublish",)
    kind = "U"
    massive = "cube"
    serial = True

    def run(self, given: Given, context: Context) -> Answer:
        """Remove it."""
        row = context.row(given["cube"])
        place = _page_of(row, context)
        if not place.is_file():
            msg = f"{self.name}: {context.catalogue.pid(row)} was not published"
            raise OperatorFailed(msg, "oph_publish writes a page")
        shutil.rmtree(place.parent)
        return Answer([Text("unpublish", "Removed", place.as_posix())])


def _page_of(row: DataCube, context: Context) -> Path:
    """Return where the page of a cube lies; made of numbers only."""
    start = exports(context.settings, context.user) / context.session.code / "html"
    return start / str(row.container_id) / str(row.pk) / "index.html"
