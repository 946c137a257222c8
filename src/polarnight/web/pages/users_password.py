"""Where somebody with a link chooses a password."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from polarnight.web.access.clients import client_ip
from polarnight.web.access.needs import needs
from polarnight.web.access.roles import Action
from polarnight.web.models import ActionLog

__all__ = ["choose_password"]


@method_decorator(sensitive_post_parameters(), name="dispatch")
class _ChooseView(PasswordResetConfirmView):
    """Django's own: the token goes from the address into the session, and works once."""

    template_name = "polarnight/password_choose.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the password and write down that it was chosen."""
        if not form.user.is_active:
            form.add_error(None, "this user is disabled")
            return self.form_invalid(form)
        answer = super().form_valid(form)
        ActionLog.record(form.user, "password chosen by link", ip=client_ip(self.request))
        messages.success(self.request, "The password is kept: log in with it.")
        return answer


choose_password = needs(Action.PUBLIC)(_ChooseView.as_view())
