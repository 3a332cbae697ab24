"""The whole API in one file: every address under ``/api/v1/``."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from bots import api as bots
from tenants.api import accounts

router = SimpleRouter()
router.register("members", accounts.MemberViewSet)
router.register("api-keys", accounts.ApiKeyViewSet)
router.register("capabilities", bots.CapabilityViewSet)
router.register("bots", bots.BotViewSet)
router.register("bots/(?P<code>[^/]+)/versions", bots.BotVersionViewSet)
router.register("faqs", bots.FaqViewSet)

urlpatterns = [
    path("auth/token/", accounts.TokenView.as_view()),
    path("auth/token/refresh/", accounts.RefreshView.as_view()),
    path("auth/token/revoke/", accounts.RevokeView.as_view()),
    path("tenant/", accounts.TenantView.as_view()),
    path("me/", accounts.MeView.as_view()),
    path("", include(router.urls)),
]
