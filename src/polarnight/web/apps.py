"""The Django application of the site."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["WebConfig"]


class WebConfig(AppConfig):
    """Jobs, tokens, saved views and the log of actions; tables are called ``polarnight_web_*``."""

    name = "polarnight.web"
    label = "polarnight_web"
    verbose_name = "Polarnight site"
    default_auto_field = "django.db.models.BigAutoField"
