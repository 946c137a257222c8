"""What is loaded before the first visitor comes."""

from __future__ import annotations

import os
import subprocess
import sys

LOADED = """
import sys, threading
from polarnight.web.preparing import prepare_site, use_site_settings
use_site_settings()
import polarnight
prepare_site(polarnight.Config(config_db=True))
from django.db import connections
connections.close_all()
import polarnight.web.wsgi
from polarnight.web.plots.document import document
print(document.cache_info().currsize, connections["default"].connection, threading.active_count())
print("polarnight.web.pages.nights" in sys.modules, "astropy.wcs" in sys.modules)
"""


def test_the_application_is_warm_and_may_fork(tmp_path):
    """Views and the empty plot are there; no connection and no thread would be shared."""
    env = {**os.environ, "POLARNIGHT_DATADIR": str(tmp_path), "POLARNIGHT_CONFIG": os.devnull}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["2", "None", "1", "True", "True"], done.stderr
