"""The application that gunicorn and other WSGI servers run: ``polarnight.web.wsgi:application``."""

from __future__ import annotations

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "polarnight.web.settings"

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
