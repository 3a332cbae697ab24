"""What we learnt, and telling people."""

from reports.models.emails import (
    EmailAttachment,
    EmailContent,
    EmailDelivery,
    EmailMessage,
    EmailTemplate,
)
from reports.models.health import ErrorLog, HealthCheck, HealthSample, HealthState
from reports.models.insight_deliveries import InsightDelivery
from reports.models.insights import Insight
from reports.models.mail import MailAttachment, MailFolder, MailMessage
from reports.models.mailboxes import Mailbox, MailSync
from reports.models.metrics import DailyMetric, Metric, MetricMark
from reports.models.reports import Report, ReportRow
from reports.models.subscriptions import InsightOptOut, InsightSubscription

__all__ = [
    "DailyMetric",
    "EmailAttachment",
    "EmailContent",
    "EmailDelivery",
    "EmailMessage",
    "EmailTemplate",
    "ErrorLog",
    "HealthCheck",
    "HealthSample",
    "HealthState",
    "Insight",
    "InsightDelivery",
    "InsightOptOut",
    "InsightSubscription",
    "MailAttachment",
    "MailFolder",
    "MailMessage",
    "MailSync",
    "Mailbox",
    "Metric",
    "MetricMark",
    "Report",
    "ReportRow",
]
