"""The admin of reports."""

from reports.admin.emails import EmailDeliveryAdmin, EmailMessageAdmin, EmailTemplateAdmin
from reports.admin.health import ErrorLogAdmin, HealthCheckAdmin
from reports.admin.insights import InsightAdmin
from reports.admin.mailboxes import MailboxAdmin
from reports.admin.metrics import DailyMetricAdmin
from reports.admin.reports import ReportAdmin

__all__ = [
    "DailyMetricAdmin",
    "EmailDeliveryAdmin",
    "EmailMessageAdmin",
    "EmailTemplateAdmin",
    "ErrorLogAdmin",
    "HealthCheckAdmin",
    "InsightAdmin",
    "MailboxAdmin",
    "ReportAdmin",
]
