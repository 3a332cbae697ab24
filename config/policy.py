"""The Content-Security-Policy of every answer, which is the same nearly every time."""

from functools import cached_property

from csp.constants import HEADER
from csp.middleware import CheckableLazyObject, CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class PolicyMiddleware(CSPMiddleware):
    """django-csp's own, but for what no page and no view has changed: that policy is put together once, not for each answer."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Add the header; what is rendered after this asks in vain for a nonce, as in django-csp."""
        has_own = hasattr(request, "_csp_nonce") or any(name.startswith("_csp_") for name in vars(response))
        if has_own or settings.DEBUG:
            return super().process_response(request, response)
        response.headers.setdefault(HEADER, self._usual)
        request.csp_nonce = CheckableLazyObject(self._csp_nonce_post_response)  # type: ignore[attr-defined]
        return response

    @cached_property
    def _usual(self) -> str:
        return str(build_policy())
