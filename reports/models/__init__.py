"""What we learnt."""

from reports.models.insights import Insight
from reports.models.reports import Report, ReportRow

__all__ = ["Insight", "Report", "ReportRow"]
