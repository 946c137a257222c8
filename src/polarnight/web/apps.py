"""The Django application of the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from django.http import HttpRequest

__all__ = ["WebConfig"]


class WebConfig(AppConfig):
    """Jobs, tokens, saved views and the log of actions; tables are called ``polarnight_web_*``."""

    name = "polarnight.web"
    label = "polarnight_web"
    verbose_name = "Polarnight site"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let log-ins be written down."""
        from django.contrib.auth.signals import user_logged_in

        user_logged_in.connect(_log_in, dispatch_uid="polarnight-log-in")


def _log_in(sender: Any, request: HttpRequest, user: Any, **more: Any) -> None:
    from polarnight.web.access.clients import client_ip
    from polarnight.web.models import ActionLog

    ActionLog.record(user, "logged in", ip=client_ip(request))
