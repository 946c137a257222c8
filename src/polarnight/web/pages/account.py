"""The user's own page: role, password, tokens."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from polarnight.config import get_settings
from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import GROUPS, Action, Role, role_of
from polarnight.web.models import ActionLog, ApiToken

__all__ = ["account", "change_password", "make_token", "revoke_token"]


class TokenForm(forms.Form):
    """What a new token is for, what it may do, and how long."""

    name = forms.CharField(max_length=80, label="What for")
    scope = forms.ChoiceField(label="May do what this group may")
    days = forms.IntegerField(min_value=1, label="Days valid")

    def __init__(self, *args: Any, role: Role, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = get_settings().web.token_days
        labels = [label for label, own in GROUPS.items() if own <= role]
        scope, days = self.fields["scope"], self.fields["days"]
        assert isinstance(scope, forms.ChoiceField)
        assert isinstance(days, forms.IntegerField)
        scope.choices = [(label, label) for label in labels]
        days.max_value = most
        days.initial = min(90, most)
        days.widget.attrs["max"] = most

    def clean_days(self) -> int:
        """Refuse more days than the configuration allows."""
        days: int = self.cleaned_data["days"]
        most = get_settings().web.token_days
        if days > most:
            msg = f"at most {most} days"
            raise forms.ValidationError(msg)
        return days


def _show(request: HttpRequest, status: int = 200, **more: Any) -> HttpResponse:
    user: Any = request.user
    context = {
        "token_form": TokenForm(role=role_of(user)),
        "password_form": _password_form(user),
        "tokens": ApiToken.objects.filter(user=user, revoked=None),
        **more,
    }
    return render(request, "polarnight/account.html", context, status=status)


def _password_form(user: Any) -> PasswordChangeForm:
    form = PasswordChangeForm(user)
    # The page is about tokens, too: it does not begin in the middle.
    form.fields["old_password"].widget.attrs.pop("autofocus", None)
    return form


@needs(Action.ACCOUNT)
def account(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    return _show(request)


@needs(Action.ACCOUNT)
@sensitive_post_parameters()
@require_POST
def change_password(request: HttpRequest) -> HttpResponse:
    """Change the password; other sessions of the user end, and this one goes on."""
    user: Any = request.user
    form = PasswordChangeForm(user, request.POST)
    if not form.is_valid():
        return _show(request, 422, password_form=form)
    form.save()
    update_session_auth_hash(request, user)
    ActionLog.record(user, "password changed", ip=client_ip(request))
    messages.success(request, "The password is changed.")
    return redirect("account")


@needs(Action.ACCOUNT)
@require_POST
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show its secret, this once."""
    user: Any = request.user
    form = TokenForm(request.POST, role=role_of(user))
    if not form.is_valid():
        return _show(request, 422, token_form=form)
    given = form.cleaned_data
    scope = Role.of_label(given["scope"])
    token, secret = ApiToken.issue(user, given["name"], scope, given["days"])
    after = {"scope": token.scope, "expires": token.expires, "shown": token.shown}
    ActionLog.record(user, "token made", token, after=after, ip=client_ip(request))
    # Not by a redirect: the secret must not be kept anywhere, not even in the session.
    return _show(request, new_token=token, secret=secret)


@needs(Action.ACCOUNT)
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token of the user's own invalid."""
    token = get_object_or_404(ApiToken, pk=pk, user_id=request.user.pk)
    token.revoke()
    ActionLog.record(request.user, "token revoked", token, ip=client_ip(request))
    messages.success(request, f"The token {token.name} is revoked.")
    return redirect("account")
