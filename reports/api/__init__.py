"""The API of reports."""

from reports.api.insights import InsightViewSet
from reports.api.reports import ReportRowViewSet, ReportViewSet

__all__ = ["InsightViewSet", "ReportRowViewSet", "ReportViewSet"]
