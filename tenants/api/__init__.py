"""The API of this app (``accounts``), and the bases of every app's views."""

from tenants.api.base import TenantAPIView, TenantReadViewSet, TenantViewSet, check_if_match, etag_of

__all__ = ["TenantAPIView", "TenantReadViewSet", "TenantViewSet", "check_if_match", "etag_of"]
