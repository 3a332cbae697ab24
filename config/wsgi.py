"""The web application for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Gunicorn loads this once and forks: a wrong key stops all of it, and what embedding needs is read before the first
# customer waits for it.
from config.startup import stop_on_wrong_key  # noqa: E402 - after the settings
from vault.providers.embeddings import warm  # noqa: E402

stop_on_wrong_key()
warm()
