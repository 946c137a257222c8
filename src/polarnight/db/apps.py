"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["PolarnightConfig"]


class PolarnightConfig(AppConfig):
    """The database of Polarnight; its tables are called ``polarnight_*``."""

    name = "polarnight.db"
    label = "polarnight"
    verbose_name = "Polarnight"
    default_auto_field = "django.db.models.BigAutoField"
