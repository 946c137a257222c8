"""Views of pages that people keep and share."""

# No postponed annotations: ninja looks for their names where the decorators are.

from typing import Annotated, Any, Literal

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.pagination import paginate
from pydantic import Field, StringConstraints

from polarnight.errors import ConfigError
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.paging import Paging
from polarnight.web.api.values import Key
from polarnight.web.models import SavedView

__all__ = ["router"]

router = Router()

_MOST = 200
Page = Literal["plot", "data", "quality", "cubes"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f]*$")]


class ViewIn(Schema):
    """A view to keep."""

    page: Page
    name: Annotated[Text, Field(min_length=1, max_length=80)]
    query: Annotated[Text, Field(max_length=4000)] = ""
    shared: bool = False


class ViewOut(Schema):
    """A view that is kept."""

    id: int
    page: str
    name: str
    query: str
    shared: bool
    mine: bool


def _out(view: SavedView, user: Any) -> dict[str, Any]:
    return {
        "id": view.pk, "page": view.page, "name": view.name, "query": view.query,
        "shared": view.shared, "mine": view.user_id == user.pk,
    }  # fmt: skip


def _seen(request: HttpRequest) -> QuerySet[SavedView]:
    return SavedView.objects.filter(Q(user=request.user.pk) | Q(shared=True))


@router.get("", response=list[ViewOut], auth=api_access(Action.OWN), summary="Views kept")
@paginate(Paging)
def list_views(
    request: HttpRequest, page: Annotated[str, Query(max_length=20, pattern=r"^[^\x00]*$")] = ""
) -> list[dict[str, Any]]:
    """Return the user's own views and those that others share."""
    rows = _seen(request).filter(page=page) if page else _seen(request)
    return [_out(view, request.user) for view in rows]


@router.post("", response={201: ViewOut}, auth=api_access(Action.OWN), summary="Keep a view")
def keep_view(request: HttpRequest, body: ViewIn) -> Any:
    """Keep the state of a page under a name; one of the same name is replaced."""
    own = SavedView.objects.filter(user=request.user.pk)
    if own.count() >= _MOST and not own.filter(page=body.page, name=body.name).exists():
        msg = f"{_MOST} views are kept already; delete one"
        raise ConfigError(msg)
    view, _ = SavedView.objects.update_or_create(
        user_id=request.user.pk or 0, page=body.page, name=body.name,
        defaults={"query": body.query.removeprefix("?"), "shared": body.shared},
    )  # fmt: skip
    return Status(201, _out(view, request.user))


@router.delete("/{pk}", response={204: None}, auth=api_access(Action.OWN), summary="Drop a view")
def drop_view(request: HttpRequest, pk: Key) -> Any:
    """Delete one of the user's own views."""
    deleted, _ = SavedView.objects.filter(user=request.user.pk, pk=pk).delete()
    if not deleted:
        msg = f"there is no view {pk} of yours"
        raise Http404(msg)
    return Status(204, None)
