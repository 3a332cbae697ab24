"""Background work of reports: each task calls one service and holds no logic."""

from celery import shared_task

from reports.uploads import TASK as READ_REPORTS
from reports.uploads import read_due_reports


@shared_task(name=READ_REPORTS, ignore_result=True)
def read_reports() -> None:
    """Read the reports that are due, and look for their insights."""
    read_due_reports()
