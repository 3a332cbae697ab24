"""The web application for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Gunicorn loads this once and forks: what embedding needs is read before the first customer waits for it.
from vault.providers.embeddings import warm  # noqa: E402 - after the settings

warm()
