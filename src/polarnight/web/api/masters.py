"""Lists of masters; one of them is a frame like others, see `polarnight.web.api.frames`."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import date
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Field, Path, Query, Router, Schema
from ninja.pagination import paginate

from polarnight.db.models.masters import MASTER_MODELS, MasterModel
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.paging import Paging

__all__ = ["router"]

router = Router()


class Master(Schema):
    """A master; times are Julian dates (UTC)."""

    id: int
    kind: str = Field(alias="KIND")
    key: str
    epoch: str = Field(alias="epoch.epochname")
    instrument: str
    imgsize: str
    imgbinning: str
    readmode: str
    jd: float | None
    valid_from: float | None
    valid_to: float | None
    n_used: int
    flags: list[str] = Field(alias="flag_labels")
    error: str


@router.get(
    "/{kind}", response=list[Master], auth=api_access(Action.VIEW), summary="Masters of a kind"
)
@paginate(Paging)
def list_masters(
    request: HttpRequest,
    kind: Annotated[Literal["bias", "dark", "flat"], Path()],
    telescope: Annotated[str, Query(max_length=40)] = "",
    night: Annotated[date | None, Query(description="YYYY-MM-DD")] = None,
    instrument: Annotated[str, Query(max_length=40)] = "",
) -> Any:
    """List masters, the newest first."""
    model: type[MasterModel] = MASTER_MODELS[kind.upper()]
    rows = model._default_manager.select_related("epoch")
    if telescope:
        rows = rows.filter(epoch__telescope=telescope.replace("\x00", ""))
    if night is not None:
        rows = rows.filter(epoch__night=night)
    if instrument:
        rows = rows.filter(instrument=instrument.replace("\x00", ""))
    return rows.order_by("-jd", "-pk")
