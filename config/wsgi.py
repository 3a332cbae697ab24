"""The web application for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Gunicorn loads this once and forks: a wrong key stops all of it, and what embedding needs is read before the first
# customer waits for it. The addresses are loaded here because views keep querysets: built during a person's request,
# they would belong to that person's tenant for as long as the process lives.
from django.urls import get_resolver  # noqa: E402 - after the settings

from config.startup import stop_on_wrong_key  # noqa: E402 - after the settings
from vault.providers.embeddings import warm  # noqa: E402

stop_on_wrong_key()
_ = get_resolver().url_patterns
warm()
