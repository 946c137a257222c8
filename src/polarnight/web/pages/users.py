"""Users and their tokens, for administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from polarnight.errors import ConfigError
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import GROUPS, Action, role_of
from polarnight.web.accounts import changing
from polarnight.web.models import ActionLog, ApiToken
from polarnight.web.pages.paged import part_of

__all__ = ["add", "change", "revoke", "tokens", "users"]


def _show(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    rows = User.objects.order_by("username").prefetch_related("groups")
    part = part_of(request, rows.count(), lambda first, after: rows[first:after], 100)
    for one in part.rows:
        # Those that were fetched with the users, instead of a query for each.
        known = [GROUPS[group.name] for group in one.groups.all() if group.name in GROUPS]
        if known:
            one._polarnight_role = max(known)
    context = {
        "part": part,
        "accounts": [(one, role_of(one).label) for one in part.rows],
        "groups": list(GROUPS),
        **more,
    }
    return render(request, "polarnight/users.html", context, status=status)


@needs(Action.ADMIN)
def users(request: HttpRequest) -> HttpResponse:
    """Show all users."""
    return _show(request)


@needs(Action.ADMIN)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Add a user and show the link where a password is chosen, this once."""
    name = request.POST.get("username", "").strip()
    try:
        account = changing.add_user(
            name, request.POST.get("group", ""), who=request.user, ip=client_ip(request)
        )
    except ConfigError as error:
        return _show(request, 422, problem=str(error), username=name[:150])
    return _link(request, account)


def _link(request: HttpRequest, account: User) -> HttpResponse:
    path = changing.reset_link(account, who=request.user, ip=client_ip(request))
    # Not by a redirect: the link must not be kept anywhere, not even in the session.
    return _show(request, link=request.build_absolute_uri(path), link_of=account.username)


@needs(Action.ADMIN)
@sensitive_post_parameters("password")
@require_POST
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Do what a button says: group, enable, disable, reset, password, unlock."""
    account = get_object_or_404(User, pk=pk)
    do = request.POST.get("do", "")
    more: dict[str, Any] = {"who": request.user, "ip": client_ip(request)}
    if account.pk == request.user.pk and do in {"disable", "reset", "group"}:
        return _show(request, 422, problem="not to yourself: ask another administrator")
    if do == "reset":
        return _link(request, account)
    deeds: dict[str, Callable[[], None]] = {
        "group": lambda: changing.set_group(account, request.POST.get("group", ""), **more),
        "enable": lambda: changing.set_active(account, True, **more),
        "disable": lambda: changing.set_active(account, False, **more),
        "password": lambda: changing.set_password(
            account, request.POST.get("password", ""), **more
        ),
        "unlock": lambda: changing.unlock(account, **more),
    }
    if do not in deeds:
        return _show(request, 422, problem="this form asks for nothing that can be done")
    try:
        deeds[do]()
    except ConfigError as error:
        return _show(request, 422, problem=str(error))
    messages.success(request, f"{account.username}: done.")
    return redirect("users")


@needs(Action.ADMIN)
def tokens(request: HttpRequest) -> HttpResponse:
    """Show the tokens of all users."""
    rows = ApiToken.objects.select_related("user").order_by("revoked", "-pk")
    if request.GET.get("all") != "1":
        rows = rows.filter(revoked=None)
    part = part_of(request, rows.count(), lambda first, after: rows[first:after], 100)
    return render(request, "polarnight/tokens.html", {"part": part})


@needs(Action.ADMIN)
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token of somebody invalid."""
    token = get_object_or_404(ApiToken.objects.select_related("user"), pk=pk)
    token.revoke()
    after = {"user": token.user.get_username()}
    ActionLog.record(request.user, "token revoked", token, after=after, ip=client_ip(request))
    messages.success(request, f"The token {token.name} of {token.user.get_username()} is revoked.")
    return redirect("tokens")
