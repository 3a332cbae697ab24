"""App ``config``: what every process of the installation has loaded."""

from django.apps import AppConfig

from config import celery as celery  # the application that wakes workers; without it Celery would ask a broker of its own


class ConfigConfig(AppConfig):
    """Registers the app."""

    name = "config"
