"""Flags of results: set, cleared, taken back; who, when and why is kept."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.tables.judging import MOST_ROWS, judge, undo

__all__ = ["router"]

router = Router()

Key = Annotated[int, Field(ge=1, lt=1 << 63)]
Keys = Annotated[list[Key], Field(min_length=1, max_length=MOST_ROWS)]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=r"^[^\x00]*$"),
]


class Judgement(Schema):
    """A decision about results."""

    ids: Keys
    flag: str = Field(max_length=40, description="such as BAD_PHOTOMETRY")
    value: bool | None = Field(description="true sets, false clears, null leaves it to machines")
    why: Reason


class Judged(Schema):
    """What followed."""

    flags: dict[int, int] = Field(description="flags in force now, by result")
    changes: list[int] = Field(description="to take it back")


class Undo(Schema):
    """Changes to be taken back."""

    changes: Keys


@router.post("", response=Judged, auth=api_access(Action.FLAG), summary="Flag results")
def flag_results(request: HttpRequest, body: Judgement) -> Judged:
    """Set or clear a flag of results, with a reason; results that are gone are passed over."""
    flags, changes = judge(
        body.ids, body.flag, body.value, why=body.why, who=request.user.get_username()
    )
    return Judged(flags=flags, changes=changes)


@router.post("/undo", response=Judged, auth=api_access(Action.FLAG), summary="Take flags back")
def take_back(request: HttpRequest, body: Undo) -> Judged:
    """Restore what was in force before changes of this user; 409 where that was overtaken."""
    flags, changes = undo(body.changes, who=request.user.get_username())
    return Judged(flags=flags, changes=changes)
