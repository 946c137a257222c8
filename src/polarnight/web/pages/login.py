"""Log-in and log-out."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView

from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action

__all__ = ["log_in", "log_out"]


# Django's own: new session key at log-in, `next` only within this site, log-out by POST.
log_in = needs(Action.PUBLIC)(
    LoginView.as_view(template_name="polarnight/login.html", redirect_authenticated_user=True)
)
log_out = needs(Action.PUBLIC)(LogoutView.as_view())
