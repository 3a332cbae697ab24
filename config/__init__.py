"""Wires the parts; knows no domain word. The Celery application is made with the settings, so that services can wake it."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
