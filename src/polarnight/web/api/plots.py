"""Light curves: points and plots for the browser, pictures for print, rows as files."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.sending import TableFormat, attached, send_table
from polarnight.web.api.values import finites
from polarnight.web.plots.asking import LONGEST_NAME, selection_of
from polarnight.web.plots.foreign import foreign_of
from polarnight.web.plots.payload import MOST, payload_of
from polarnight.web.plots.picture import PICTURES, Kind, picture
from polarnight.web.plots.query import Selection, fetch
from polarnight.web.plots.references import References, references_of
from polarnight.web.tables.columns import COLUMNS, choose

__all__ = ["router"]

router = Router()

Names = Annotated[str, Query(max_length=2000, description="columns, separated by commas")]

_FOREIGN = "light curves of others, from crosscheck/, too"


class Asked(Schema):
    """What is plotted."""

    source: str = Field(max_length=LONGEST_NAME, description="a name of the catalogue")
    band: list[str] = Field([], max_length=20, description="all where none is given")
    start: str = Field("", max_length=40, description="MJD or date, UTC")
    end: str = Field("", max_length=40, description="MJD or date, UTC")
    corrected: bool = Field(False, description="without the host galaxy")
    naive: bool = Field(False, description="p not debiased")
    f: list[str] = Field(
        [], max_length=20, description="filters column:operator:value; fractions also as 5%"
    )

    def selection(self) -> Selection:
        """Return it as the query takes it."""
        return selection_of(
            self.source, bands=self.band, start=self.start, end=self.end,
            corrected=self.corrected, naive=self.naive, filters=self.f,
        )  # fmt: skip


class Shown(Asked):
    """How it is shown."""

    most: int = Field(MOST, ge=100, le=20000, description="points of each panel")
    theme: Literal["light", "dark"] = "light"
    document: bool = Field(False, description="send the plot, too, not only its points")
    foreign: bool = Field(False, description=_FOREIGN)


@router.get("/light-curve", auth=api_access(Action.VIEW), summary="Points of a light curve")
def light_curve(request: HttpRequest, asked: Annotated[Shown, Query()]) -> HttpResponse:
    """Return points, thinned on the way, as columns of base64 numbers; p, q, u in percent."""
    selection = asked.selection()
    points = payload_of(selection, most=asked.most, theme=asked.theme)
    bands = {series["band"] for series in points["series"]}
    answer = {
        **points,
        "source": selection.source.name,
        "literature": _told(references_of(selection.source, sorted(bands))),
    }
    if asked.foreign:
        answer["foreign"] = _foreign(selection)
    if asked.document:
        from polarnight.web.plots.document import document

        answer["document"] = document(asked.theme)
    return HttpResponse(json.dumps(answer), content_type="application/json")


def _foreign(selection: Selection) -> dict[str, Any]:
    found = foreign_of(selection)
    values = {name: finites(column) for name, column in found.values.items()}
    return {"name": list(found.name), "mjd": [float(mjd) for mjd in found.mjd], **values}


def _told(references: References) -> dict[str, object]:
    return {"mag": dict(references.magnitudes), "p": references.p, "chi": references.chi}


@router.get("/light-curve/picture", auth=api_access(Action.VIEW), summary="A light curve on paper")
def light_curve_picture(
    request: HttpRequest,
    asked: Annotated[Asked, Query()],
    kind: Kind = "png",
    errors: bool = True,
    foreign: Annotated[bool, Query(description=_FOREIGN)] = False,
) -> HttpResponse:
    """Return magnitude, p and chi against time as PNG, SVG or PDF."""
    selection = asked.selection()
    curve = fetch(selection)
    window = None
    if selection.start is not None and selection.end is not None:
        window = (selection.start, selection.end)
    data = picture(
        curve, kind, title=selection.source.name, window=window, errors=errors,
        references=references_of(selection.source, sorted({band for _, band in curve.series})),
        foreign=foreign_of(selection) if foreign else None,
    )  # fmt: skip
    return attached(HttpResponse(data, content_type=PICTURES[kind]), selection.source.name, kind)


@router.get("/light-curve/rows", auth=api_access(Action.VIEW), summary="The results of a plot")
def light_curve_rows(
    request: HttpRequest,
    asked: Annotated[Asked, Query()],
    kind: TableFormat = "csv",
    columns: Names = "",
) -> StreamingHttpResponse:
    """Return all results that a plot is made of, none left out, as a file."""
    selection = asked.selection()
    chosen = choose(columns.split(",")) if columns else COLUMNS
    name = selection.source.name
    return send_table(selection.rows(), chosen, kind, name=name, about=f"Results of {name}")
