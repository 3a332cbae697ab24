"""The admin of reports."""

from reports.admin.emails import EmailDeliveryAdmin, EmailMessageAdmin, EmailTemplateAdmin
from reports.admin.health import ErrorLogAdmin, HealthCheckAdmin
from reports.admin.insight_deliveries import InsightDeliveryAdmin
from reports.admin.insights import InsightAdmin
from reports.admin.mail import MailFolderAdmin, MailMessageAdmin
from reports.admin.mailboxes import MailboxAdmin
from reports.admin.metrics import DailyMetricAdmin
from reports.admin.reports import ReportAdmin
from reports.admin.subscriptions import InsightOptOutAdmin, InsightSubscriptionAdmin

__all__ = [
    "DailyMetricAdmin",
    "EmailDeliveryAdmin",
    "EmailMessageAdmin",
    "EmailTemplateAdmin",
    "ErrorLogAdmin",
    "HealthCheckAdmin",
    "InsightAdmin",
    "InsightDeliveryAdmin",
    "InsightOptOutAdmin",
    "InsightSubscriptionAdmin",
    "MailFolderAdmin",
    "MailMessageAdmin",
    "MailboxAdmin",
    "ReportAdmin",
]
