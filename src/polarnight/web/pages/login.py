"""Log-in and log-out."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.contrib.auth.views import LoginView, LogoutView

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import LONGEST_NAME, Action

__all__ = ["log_in", "log_out"]


class _LoginForm(AuthenticationForm):
    """Django's own, which would look also for names that no column holds."""

    username = UsernameField(
        max_length=LONGEST_NAME, widget=forms.TextInput(attrs={"autofocus": True})
    )


# Django's own: new session key at log-in, `next` only within this site, log-out by POST.
log_in = needs(Action.PUBLIC)(
    LoginView.as_view(
        template_name="polarnight/login.html",
        authentication_form=_LoginForm,
        redirect_authenticated_user=True,
    )
)
log_out = needs(Action.PUBLIC)(LogoutView.as_view())
