"""Background work of reports: each task calls one service and holds no logic."""

from celery import shared_task

from reports.export_mails import tell_of_exports
from reports.handing_on import TASK as DELIVER_INSIGHTS
from reports.handing_on import deliver_insights as deliver_due_insights
from reports.health import run_due_checks
from reports.mail_sync import TASK as SYNC_MAILBOXES
from reports.mail_sync import sync_due_mailboxes
from reports.metric_insights import TASK as FIND_INSIGHTS
from reports.metric_insights import find_due_insights
from reports.outbox import TASK as SEND_EMAILS
from reports.outbox import send_due_emails
from reports.rephrasing import TASK as REPHRASE_INSIGHTS
from reports.rephrasing import rephrase_due_insights
from reports.rollups import roll_up_due
from reports.uploads import TASK as READ_REPORTS
from reports.uploads import read_due_reports


@shared_task(name=READ_REPORTS, ignore_result=True)
def read_reports() -> None:
    """Read the reports that are due, and look for their insights."""
    read_due_reports()


@shared_task(name="reports.roll_up", ignore_result=True)
def roll_up() -> None:
    """Bring the daily figures up to date."""
    roll_up_due()


@shared_task(name=SEND_EMAILS, ignore_result=True)
def send_emails() -> None:
    """Send the e-mails that are due."""
    send_due_emails()


@shared_task(name="reports.tell_of_exports", ignore_result=True)
def tell_of_ended_exports() -> None:
    """Write to who ordered the export of a tenant that has ended."""
    tell_of_exports()


@shared_task(name=SYNC_MAILBOXES, ignore_result=True)
def sync_mailboxes() -> None:
    """Read the e-mail accounts that are due."""
    sync_due_mailboxes()


@shared_task(name="reports.check_health", ignore_result=True)
def check_health() -> None:
    """Look after the parts of the installation that are due."""
    run_due_checks()


@shared_task(name="reports.check_health_slowly", ignore_result=True, time_limit=3600, soft_time_limit=3500)
def check_health_slowly() -> None:
    """Look after what takes long, such as the audit's chains."""
    run_due_checks(slow=True)


@shared_task(name=FIND_INSIGHTS, ignore_result=True)
def find_metric_insights() -> None:
    """Look for insights in the daily figures of tenants of which a day is over."""
    find_due_insights()


@shared_task(name=DELIVER_INSIGHTS, ignore_result=True)
def deliver_insights() -> None:
    """See who is told of new insights, and hand on what is due."""
    deliver_due_insights()


@shared_task(name=REPHRASE_INSIGHTS, ignore_result=True)
def rephrase_insights() -> None:
    """Have new insights said in other words where that is wanted."""
    rephrase_due_insights()
