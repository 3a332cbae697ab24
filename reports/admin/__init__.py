"""The admin of reports."""

from reports.admin.insights import InsightAdmin
from reports.admin.reports import ReportAdmin

__all__ = ["InsightAdmin", "ReportAdmin"]
