"""The application that gunicorn and other WSGI servers run: ``polarnight.web.wsgi:application``."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"

from django.core.wsgi import get_wsgi_application

from polarnight.config import get_settings
from polarnight.web.secret import ensure_secret
from polarnight.web.warming import warm

ensure_secret(get_settings().web_key)
application = get_wsgi_application()
warm()
