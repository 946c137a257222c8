"""The Django application."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate

__all__ = ["PolarnightConfig"]


class PolarnightConfig(AppConfig):
    """The database of Polarnight; its tables are called ``polarnight_*``."""

    name = "polarnight.db"
    label = "polarnight"
    verbose_name = "Polarnight"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let every migration begin without the triggers of the database, and end with them."""
        name = "polarnight.db.stamps"
        pre_migrate.connect(_remove, sender=self, dispatch_uid=name)
        post_migrate.connect(_install, sender=self, dispatch_uid=name)


def _remove(using: str, **_: Any) -> None:
    from polarnight.db.stamps import remove_triggers

    remove_triggers(using)


def _install(using: str, **_: Any) -> None:
    from polarnight.db.stamps import install_triggers

    install_triggers(using)
