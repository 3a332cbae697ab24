"""The peer's web application for gunicorn: our settings, middleware and database, other addresses."""

import os

from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
settings.ROOT_URLCONF = "bench.plain.urls"

from config.wsgi import application  # noqa: E402 - after the addresses

__all__ = ["application"]
