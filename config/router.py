"""The whole API in one file: every address under ``/api/v1/``."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from bots import api as bots
from catalog import api as catalog
from reports import api as reports
from runtime import api as runtime
from tenants.api import accounts, keys, members, records, settings, ways_in
from vault import api as vault

turns = SimpleRouter()
turns.register("sessions/(?P<session>[^/]+)/turns", runtime.TurnViewSet)

router = SimpleRouter()
router.register("members/invitations", members.InvitationViewSet)
router.register("members", members.MemberViewSet)
router.register("api-keys", keys.ApiKeyViewSet)
router.register("settings", settings.SettingViewSet)
router.register("audit-entries", records.AuditEntryViewSet)
router.register("events", records.EventViewSet)
router.register("task-runs", records.TaskRunViewSet)
router.register("credentials", vault.CredentialViewSet)
router.register("credential-grants", vault.CredentialGrantViewSet)
router.register("credential-uses", vault.CredentialUseViewSet)
router.register("domains", catalog.DomainViewSet)
router.register("attribute-definitions", catalog.AttributeDefinitionViewSet)
router.register("offerings", catalog.OfferingViewSet)
router.register("offerings/(?P<offering>[^/]+)/versions", catalog.OfferingVersionViewSet)
router.register("variants", catalog.VariantViewSet)
router.register("sales-channels", catalog.SalesChannelViewSet)
router.register("price-lists", catalog.PriceListViewSet)
router.register("prices", catalog.PriceViewSet)
router.register("price-changes", catalog.PriceChangeViewSet)
router.register("inventory-locations", catalog.InventoryLocationViewSet)
router.register("inventory-items", catalog.InventoryItemViewSet)
router.register("stock-movements", catalog.StockMovementViewSet)
router.register("search-synonyms", catalog.SynonymViewSet)
router.register("stock-reservations", catalog.StockReservationViewSet)
router.register("customers", catalog.CustomerViewSet)
router.register("orders", catalog.OrderViewSet)
router.register("import-mappings", catalog.ImportMappingViewSet)
router.register("imports", catalog.ImportViewSet)
router.register("imports/(?P<job>[^/]+)/rows", catalog.ImportRowViewSet)
router.register("capabilities", bots.CapabilityViewSet)
router.register("bots", bots.BotViewSet)
router.register("bots/(?P<code>[^/]+)/versions", bots.BotVersionViewSet)
router.register("bots/(?P<code>[^/]+)/settings", bots.BotSettingViewSet)
router.register("bots/(?P<code>[^/]+)/memories", bots.BotMemoryViewSet)
router.register("faqs", bots.FaqViewSet)
router.register("collections", bots.CollectionViewSet)
router.register("documents", bots.DocumentViewSet)
router.register("documents/(?P<document>[^/]+)/chunks", bots.ChunkViewSet)
router.register("tools", bots.ToolViewSet)
router.register("guardrails", bots.GuardrailViewSet)
router.register("intents", bots.IntentViewSet)
router.register("usage", vault.UsageViewSet)
router.register("model-prices", vault.ModelPriceViewSet)
router.register("budgets", vault.BudgetViewSet)
router.register("event-destinations", vault.EventDestinationViewSet)
router.register("event-deliveries", vault.EventDeliveryViewSet)
router.register("escalations", runtime.EscalationViewSet)
router.register("turns", runtime.RatedTurnViewSet, basename="rated-turn")
router.register("ratings", runtime.RatingViewSet)
router.register("ui-events", runtime.UiEventViewSet)
router.register("schedules", runtime.ScheduleViewSet)
router.register("schedules/(?P<schedule>[^/]+)/occurrences", runtime.OccurrenceViewSet)
router.register("knowledge-gaps", runtime.KnowledgeGapViewSet)
router.register("sessions", runtime.SessionViewSet)
router.register("semantic-cache", runtime.SemanticCacheViewSet)
router.register("sessions/(?P<session>[^/]+)/slots", runtime.SlotViewSet)
router.register("sessions/(?P<session>[^/]+)/decisions", runtime.DecisionViewSet)
router.register("sessions/(?P<session>[^/]+)/actions", runtime.ActionViewSet)
router.register("reports", reports.ReportViewSet)
router.register("reports/(?P<report>[^/]+)/data", reports.ReportRowViewSet)
router.register("insights", reports.InsightViewSet)
router.register("insight-deliveries", reports.InsightDeliveryViewSet)
router.register("insight-subscriptions", reports.InsightSubscriptionViewSet)
router.register("insight-opt-outs", reports.InsightOptOutViewSet)
router.register("health-checks", reports.HealthCheckViewSet)
router.register("emails", reports.EmailViewSet)
router.register("email-deliveries", reports.EmailDeliveryViewSet)
router.register("email-templates", reports.EmailTemplateViewSet)
router.register("mailboxes", reports.MailboxViewSet)
router.register("mail-folders", reports.MailFolderViewSet)
router.register("mail-messages", reports.MailMessageViewSet)

urlpatterns = [
    path("", include(turns.urls)),  # first: addresses are tried in order, and customers wait
    path("auth/token/", ways_in.TokenView.as_view()),
    path("auth/token/refresh/", ways_in.RefreshView.as_view()),
    path("auth/token/revoke/", ways_in.RevokeView.as_view()),
    path("auth/login-link/", ways_in.LinkView.as_view()),
    path("auth/login-link/redeem/", ways_in.RedeemView.as_view()),
    path("tenant/", accounts.TenantView.as_view()),
    path("me/preferences/", settings.PreferencesView.as_view()),
    path("me/", accounts.MeView.as_view()),
    path("me/password/", accounts.PasswordView.as_view()),
    path("me/end-sessions/", accounts.EndSessionsView.as_view()),
    path("facts/", catalog.FactsView.as_view()),
    path("offerings/export/", catalog.ExportView.as_view()),
    path("guardrails/try/", runtime.GuardrailTryView.as_view()),
    path("analytics/daily/", reports.DailyView.as_view()),
    path("analytics/thresholds/", reports.ThresholdsView.as_view()),
    path("sessions/export/", runtime.TranscriptsView.as_view()),
    path("", include(router.urls)),
]
