"""Django settings of the site: those of the database, and what a public door needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from csp.constants import NONE, SELF, UNSAFE_INLINE

from polarnight.config import get_settings
from polarnight.db.settings import (
    DATABASES as DATABASES,
)
from polarnight.db.settings import (
    DEFAULT_AUTO_FIELD as DEFAULT_AUTO_FIELD,
)
from polarnight.db.settings import (
    LOGGING_CONFIG as LOGGING_CONFIG,
)
from polarnight.db.settings import (
    TIME_ZONE as TIME_ZONE,
)
from polarnight.db.settings import (
    USE_I18N as USE_I18N,
)
from polarnight.db.settings import (
    USE_TZ as USE_TZ,
)
from polarnight.web.secret import read_secret

_given = get_settings()
_web = _given.web

# Empty where `serve` or manage.py have not made it: Django then refuses to sign anything.
SECRET_KEY = read_secret(_given.web_key)
DEBUG = _web.debug
ALLOWED_HOSTS = list(_web.allowed_hosts)

INSTALLED_APPS = [
    "polarnight.db",
    "polarnight.web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    # Before staticfiles: `runserver` then serves files as `serve` does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "django_tasks",
    "django_tasks_db",
    "axes",
    "csp",
    "ninja",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "polarnight.web.problems.ProblemMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "polarnight.web.access.guard.GuardMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "polarnight.web.urls"
WSGI_APPLICATION = "polarnight.web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "polarnight.web.pages.context.site",
            ],
        },
    }
]

# --- static files: found in the installed packages, nothing is collected -----------------
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "polarnight.web.static_addresses.BelowPrefix"},
}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "polarnight.web.static_files.BokehFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 600
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- who ----------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_AGE = round(_web.session_hours * 3600)
SESSION_COOKIE_NAME = "polarnight_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "polarnight_csrf"
CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "polarnight.web.pages.errors.csrf_failure"

AXES_HANDLER = "polarnight.web.access.failures.FailureHandler"
AXES_FAILURE_LIMIT = _web.login_failures
AXES_COOLOFF_TIME = timedelta(minutes=_web.login_pause_minutes)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_CLIENT_IP_CALLABLE = "polarnight.web.access.clients.counted_ip"
AXES_LOCKOUT_CALLABLE = "polarnight.web.pages.errors.locked_out"
AXES_HTTP_RESPONSE_CODE = 429
AXES_VERBOSE = False

# --- what browsers are told -----------------------------------------------------------------
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        # Bokeh writes its styles into the page.
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF, "data:"],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _web.https
if _web.https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = _web.hsts_days * 86400
    SECURE_HSTS_INCLUDE_SUBDOMAINS = False
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in _web.allowed_hosts if host != "*"]

# --- limits -----------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 10

# --- background jobs ----------------------------------------------------------------------------
TASKS = {
    "default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"], "OPTIONS": {}}
}
