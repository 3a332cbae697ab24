"""The admin of reports."""

from reports.admin.health import ErrorLogAdmin, HealthCheckAdmin
from reports.admin.insights import InsightAdmin
from reports.admin.metrics import DailyMetricAdmin
from reports.admin.reports import ReportAdmin

__all__ = ["DailyMetricAdmin", "ErrorLogAdmin", "HealthCheckAdmin", "InsightAdmin", "ReportAdmin"]
