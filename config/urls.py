"""Every address of the installation."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from config import health
from reports.views import unsubscribe_page
from tenants import views
from tenants.errors import unknown_route

urlpatterns = [  # the API first: addresses are tried in order, and customers wait for it
    path("api/v1/schema/", views.SchemaView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("api/v1/", include("config.router")),
    re_path(r"^api/", unknown_route),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", health.metrics),
    path("admin/tenant/", views.switch_tenant, name="switch_tenant"),
    path("open/<uuid:tenant_id>/admin/<path:path>", views.open_in_tenant, name="open_in_tenant"),
    path("admin/login-link/", views.ask_for_link, name="ask_for_link"),
    path("admin/login-link/<str:token>/", views.use_link, name="use_link"),
    path("admin/login/code/", views.prove, name="second_factor_code"),
    path("admin/account/", views.account, name="account"),
    path("admin/account/password/", views.password, name="account_password"),
    path("admin/account/second-factor/", views.second_factor, name="account_second_factor"),
    path("admin/account/sessions/", views.end_sessions, name="account_end_sessions"),
    path("admin/account/leave/<uuid:tenant_id>/", views.leave_tenant, name="account_leave"),
    path("admin/language/", views.choose_language, name="choose_language"),
    path("files/<uuid:file_id>/", views.download_file, name="download_file"),
    path("unsubscribe/<str:token>/", unsubscribe_page, name="unsubscribe"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(url="/admin/")),
]

handler400 = "tenants.errors.bad_request"
handler500 = "tenants.errors.server_error"
