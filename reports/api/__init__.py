"""The API of reports."""

from reports.api.insights import InsightViewSet
from reports.api.metrics import DailyView
from reports.api.reports import ReportRowViewSet, ReportViewSet

__all__ = ["DailyView", "InsightViewSet", "ReportRowViewSet", "ReportViewSet"]
