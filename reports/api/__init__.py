"""The API of reports."""

from reports.api.emails import EmailDeliveryViewSet, EmailTemplateViewSet, EmailViewSet
from reports.api.health import HealthCheckViewSet
from reports.api.insight_deliveries import (
    InsightDeliveryViewSet,
    InsightOptOutViewSet,
    InsightSubscriptionViewSet,
)
from reports.api.insights import InsightViewSet
from reports.api.mailboxes import MailboxViewSet, MailFolderViewSet, MailMessageViewSet
from reports.api.metrics import DailyView, ThresholdsView
from reports.api.reports import ReportRowViewSet, ReportViewSet

__all__ = [
    "DailyView",
    "EmailDeliveryViewSet",
    "EmailTemplateViewSet",
    "EmailViewSet",
    "HealthCheckViewSet",
    "InsightDeliveryViewSet",
    "InsightOptOutViewSet",
    "InsightSubscriptionViewSet",
    "InsightViewSet",
    "MailFolderViewSet",
    "MailMessageViewSet",
    "MailboxViewSet",
    "ReportRowViewSet",
    "ReportViewSet",
    "ThresholdsView",
]
