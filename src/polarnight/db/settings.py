"""Django settings, built from the configuration in force."""

from __future__ import annotations

from polarnight.config import get_settings
from polarnight.db.connection import database_of

INSTALLED_APPS = ["polarnight.db"]
DATABASES = {"default": database_of(get_settings())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
# Nothing here signs anything: the key of the web site is made by the web site.
SECRET_KEY = ""
# Logging is ours (polarnight.config.logs); Django must not rearrange it.
LOGGING_CONFIG = None
