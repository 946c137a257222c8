"""Tokens: one's own, and those of all for administrators; made on the account page only."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query, Router, Schema, Status
from ninja.pagination import paginate

from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action
from polarnight.web.api.paging import Paging
from polarnight.web.api.values import Key
from polarnight.web.models import ActionLog, ApiToken

__all__ = ["router"]

router = Router()


class Token(Schema):
    """A token without its secret."""

    id: int
    user: str = Field(alias="user.username")
    name: str
    shown: str = Field(description="beginning of the secret")
    scope: str
    created: datetime
    expires: datetime
    last_used: datetime | None
    revoked: datetime | None
    valid: bool


@router.get("", response=list[Token], auth=api_access(Action.OWN), summary="My tokens")
@paginate(Paging)
def my_tokens(request: HttpRequest) -> Any:
    """Return the user's own tokens; they are made on the account page."""
    return ApiToken.objects.filter(user=request.user.pk).select_related("user")


@router.delete(
    "/{int:pk}", response={204: None}, auth=api_access(Action.OWN), summary="Revoke my token"
)
def revoke_mine(request: HttpRequest, pk: Key) -> Any:
    """Make one of the user's own tokens invalid, such as the one that asks."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user.pk)
    token.revoke()
    ActionLog.record(request.user, "token revoked", token, ip=client_ip(request))
    return Status(204, None)


@router.get("/all", response=list[Token], auth=api_access(Action.ADMIN), summary="Tokens of all")
@paginate(Paging)
def all_tokens(
    request: HttpRequest,
    user: Annotated[str, Query(max_length=150, pattern=r"^[^\x00]*$")] = "",
) -> Any:
    """Return the tokens of all users, or of one."""
    rows = ApiToken.objects.select_related("user")
    return rows.filter(user__username=user) if user else rows


@router.delete(
    "/all/{int:pk}", response={204: None}, auth=api_access(Action.ADMIN), summary="Revoke any token"
)
def revoke_any(request: HttpRequest, pk: Key) -> Any:
    """Make a token of somebody invalid."""
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    token.revoke()
    after = {"user": token.user.get_username()}
    ActionLog.record(request.user, "token revoked", token, after=after, ip=client_ip(request))
    return Status(204, None)
