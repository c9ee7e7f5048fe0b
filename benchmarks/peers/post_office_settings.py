"""Django settings for django-post_office: its defaults, with the batch size of the comparison.

SQLite gets write-ahead logging and BEGIN IMMEDIATE, which this package sets too; PostgreSQL is
the same server for everybody. Connections stay open, as Django recommends for a busy site.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qs, urlsplit

from benchmarks import mails

_url = urlsplit(os.environ["BENCH_DATABASE"])
_sqlite = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": _url.path[1:],
    "OPTIONS": {"init_command": "PRAGMA journal_mode=WAL", "transaction_mode": "IMMEDIATE"},
}
_postgresql = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": _url.path[1:],
    "USER": _url.username or "",
    "PASSWORD": _url.password or "",
    "HOST": parse_qs(_url.query).get("host", [_url.hostname or ""])[0],
    "PORT": str(_url.port or ""),
    "CONN_MAX_AGE": None,
}
DATABASES = {"default": _sqlite if _url.scheme == "sqlite" else _postgresql}
INSTALLED_APPS = ["post_office"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "bench"
USE_TZ = True
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
DEFAULT_FROM_EMAIL = mails.SENDER
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ.get("BENCH_PORT", "0"))
POST_OFFICE = {
    "BATCH_SIZE": 1000,
    "THREADS_PER_PROCESS": int(os.environ.get("BENCH_THREADS", "5")),
}
