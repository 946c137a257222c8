"""The site of Django's admin, with our roles and our log-in."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from polarnight.web.access.roles import Action, allowed

__all__ = ["admin_site"]


class PolarnightAdmin(AdminSite):
    """Tables to look at; what changes them goes through the audit, here or on our own pages."""

    site_header = "Polarnight"
    site_title = "Polarnight admin"
    index_title = "Tables"
    enable_nav_sidebar = True
    empty_value_display = "–"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the user is an administrator of ours."""
        return allowed(request.user, Action.ADMIN)

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send strangers to our log-in; users who may not are told so there."""
        from django.core.exceptions import PermissionDenied

        from polarnight.web.access.needs import refusal

        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied(refusal(Action.ADMIN))
        if request.user.is_authenticated:
            return redirect("admin:index")
        wanted = request.GET.get("next", "")
        # Our log-in checks where it leads to.
        return redirect(f"{reverse('login')}?{urlencode({'next': wanted or '/admin/'})}")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Log out by our own page."""
        from polarnight.web.pages.login import log_out

        return log_out(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Go to the account page, which writes down what it does."""
        return redirect("account")


admin_site = PolarnightAdmin(name="admin")
