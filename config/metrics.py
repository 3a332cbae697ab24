"""Counting of requests for Prometheus, which nothing that a client sends can break."""

import re

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusBeforeMiddleware

LENGTH = re.compile(r"[0-9]{1,1000}")


class BeforeMiddleware(PrometheusBeforeMiddleware):
    """django-prometheus's own, which comes before all others and so reads every request first."""

    def process_request(self, request: HttpRequest) -> None:
        """Take a ``Content-Length`` that is no number for none, as Django does: whoever counts it would fail (500)."""
        if not LENGTH.fullmatch(request.META.get("CONTENT_LENGTH") or "0"):
            request.META["CONTENT_LENGTH"] = ""
        super().process_request(request)
