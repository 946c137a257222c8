"""Users, tokens of all, and who did what: for administrators."""

# No postponed annotations: ninja looks for their names where the decorators are.

from datetime import datetime
from typing import Annotated, Any, Literal

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Path, Query, Router, Schema, Status
from ninja.errors import HttpError
from ninja.pagination import paginate

from polarnight.errors import ConfigError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import api_access
from polarnight.web.access.roles import Action, role_of
from polarnight.web.accounts import changing
from polarnight.web.accounts.audit import AuditQuery, count_deeds, deeds
from polarnight.web.api.paging import Paging

__all__ = ["router"]

router = Router()

Number = Annotated[int, Path(ge=1, lt=1 << 31)]
GroupName = Literal["viewer", "observer", "operator", "admin"]
Short = Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")]
_ADMIN = api_access(Action.ADMIN)


class UserOut(Schema):
    """A user."""

    id: int
    username: str
    role: str
    active: bool
    last_login: datetime | None


def _out(account: User) -> dict[str, Any]:
    return {
        "id": account.pk,
        "username": account.get_username(),
        "role": role_of(account).label if account.is_active else "nobody",
        "active": account.is_active,
        "last_login": account.last_login,
    }


@router.get("", response=list[UserOut], auth=_ADMIN, summary="Users")
@paginate(Paging)
def list_users(request: HttpRequest) -> Any:
    """Return all users by name."""
    return [_out(one) for one in User.objects.order_by("username").prefetch_related("groups")]


class NewUser(Schema):
    """A user to add."""

    username: str = Field(min_length=1, max_length=150)
    group: GroupName = "viewer"


class AddedUser(Schema):
    """A user that was added, and the path of the page where a password is chosen, once."""

    user: UserOut
    link: str


@router.post("", response={201: AddedUser}, auth=_ADMIN, summary="Add a user")
def add_user(request: HttpRequest, body: NewUser) -> Any:
    """Add a user, who chooses a password by the link of the answer."""
    who: dict[str, Any] = {"who": request.user, "ip": client_ip(request)}
    try:
        account = changing.add_user(body.username, body.group, **who)
    except ConfigError as error:
        raise HttpError(422, str(error)) from error
    return Status(201, {"user": _out(account), "link": changing.reset_link(account, **who)})


class UserChange(Schema):
    """What to change; what is not given stays."""

    group: GroupName | None = None
    active: bool | None = None


@router.patch("/{int:pk}", response=UserOut, auth=_ADMIN, summary="Change a user")
def change_user(request: HttpRequest, pk: Number, body: UserChange) -> dict[str, Any]:
    """Change the group of another user, or whether the user may log in."""
    account = get_object_or_404(User, pk=pk)
    who: dict[str, Any] = {"who": request.user, "ip": client_ip(request)}
    if account.pk == request.user.pk:
        raise HttpError(409, "not to yourself: ask another administrator")
    if body.group is not None:
        changing.set_group(account, body.group, **who)
    if body.active is not None:
        changing.set_active(account, body.active, **who)
    return _out(User.objects.get(pk=pk))


class DeedOut(Schema):
    """One thing that somebody did."""

    when: datetime
    who: str
    what: str
    kind: str
    key: str
    why: str
    before: Any = None
    after: Any = None
    ip: str


class _Deeds:
    """Deeds that are read when a page of them is cut out."""

    def __init__(self, query: AuditQuery) -> None:
        self.query = query

    def __len__(self) -> int:
        return count_deeds(self.query)

    def __getitem__(self, part: slice) -> list[Any]:
        return deeds(self.query, part.start, part.stop)


@router.get("/audit", response=list[DeedOut], auth=_ADMIN, summary="Who did what")
@paginate(Paging)
def list_deeds(
    request: HttpRequest,
    who: Short = "",
    kind: Short = "",
    text: Short = "",
    first: Annotated[str, Query(max_length=10, description="YYYY-MM-DD")] = "",
    last: Annotated[str, Query(max_length=10, description="YYYY-MM-DD")] = "",
) -> Any:
    """Return what people did, the newest first: flags, comments, sources, jobs, users."""
    return _Deeds(AuditQuery(who, kind, text, first, last))
