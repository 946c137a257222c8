"""What the site needs before it can answer: its key, and all tables."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from polarnight.errors import ConfigError, ExternalService

if TYPE_CHECKING:
    from polarnight.config import Settings

__all__ = ["prepare_site", "use_site_settings"]

_LOG = logging.getLogger(__name__)


def use_site_settings() -> None:
    """Let Django of this process and of those it starts be that of the site.

    To be called before Django is set up, that is before ``Config(config_db=True)``.

    Raises
    ------
    ConfigError
        Where Django is set up for something else already.
    """
    from django.apps import apps

    os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"
    if apps.ready and not apps.is_installed("polarnight.web"):
        msg = "Django is set up without the site in this process; start another one"
        raise ConfigError(msg)


def prepare_site(settings: Settings) -> list[str]:
    """Make the key and bring the tables of the site up to date; one process at a time.

    The tables of the archive are `polarnight.db.migrate`'s; those of users, sessions, queue
    and site are made here, so that who never starts the site never has them.

    Returns
    -------
    list of str
        The migrations applied here.

    Raises
    ------
    ConfigError, ExternalService
    """
    from django.core.management import call_command
    from django.db import DatabaseError, connection

    from polarnight.db.migrate import alone, bring_up_to_date
    from polarnight.web.secret import ensure_secret

    _put_key_in_force(ensure_secret(settings.web_key))
    try:
        bring_up_to_date()
        pending = _pending()
        if pending:
            with alone():
                connection.close()
                pending = _pending()
                if pending:
                    call_command("migrate", verbosity=0, interactive=False)
                    _LOG.info("database: applied %s", ", ".join(pending))
        # Nobody else does, and they are kept for each log-in.
        call_command("clearsessions")
    except DatabaseError as error:
        place = connection.settings_dict["NAME"]
        msg = f"the database {place} does not answer: {' '.join(str(error).split())}"
        raise ExternalService(msg) from error
    return pending


def _put_key_in_force(key: str) -> None:
    from django.conf import settings as django_settings

    django_settings.SECRET_KEY = key


def _pending() -> list[str]:
    """Return the migrations of the site that the database lacks."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
