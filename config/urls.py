"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health
from tenants.errors import unknown_route

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("api/v1/", include("config.router")),
    re_path(r"^api/", unknown_route),
]

handler400 = "tenants.errors.bad_request"
handler500 = "tenants.errors.server_error"
