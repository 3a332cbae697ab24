"""What we learnt."""

from reports.models.insights import Insight
from reports.models.metrics import DailyMetric, Metric, MetricMark
from reports.models.reports import Report, ReportRow

__all__ = ["DailyMetric", "Insight", "Metric", "MetricMark", "Report", "ReportRow"]
