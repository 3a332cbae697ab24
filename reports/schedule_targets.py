"""What schedules do with reports: fetch one from an address, and have the insights of one found."""

import io
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from catalog.imports.file_kinds import check_kind
from reports.metric_insights import generate_metric_insights
from reports.models import Report
from reports.reading.limits import MAX_FILE_BYTES
from reports.services import generate_insights
from reports.uploads import create_report
from runtime.models import Schedule
from runtime.targets import Author, Occasion, TargetKind, TryAgain
from tenants.errors import Conflict, DomainError
from tenants.models import Tenant
from tenants.notes import note
from tenants.scope import current_tenant_id
from vault.outbound import check_url
from vault.pages import PageError, fetch_page

READING = timedelta(minutes=1)
"""How long to wait for a report that is being read, and for figures that are being counted."""
STILL_READ = gettext_noop("The report is still being read.")
NOT_COUNTED = gettext_noop("The daily figures have not been counted yet.")
FETCH_SECONDS = 60.0
DAILY = "daily_figures"
MAY_PASS = frozenset({"page_timeout", "page_unreachable", "page_refused"})
VENDOR = {"type": "string", "minLength": 1, "maxLength": 200, "title": gettext_lazy("Vendor")}
REPORT_TYPE = {"type": "string", "minLength": 1, "maxLength": 100, "title": gettext_lazy("Report type")}


def report_of(target: Mapping[str, Any]) -> Report:
    """Return the report that is meant: by id, or the newest one that can be read, of this vendor and type if they are named.

    Raises ``DomainError`` (``unknown_reference``).
    """
    named = {name: target[name] for name in ("vendor", "report_type") if target.get(name)}
    reports = Report.objects.filter(**named).exclude(status=Report.Status.FAILED).order_by("-report_date", "-id")
    try:
        found: Report | None = Report.objects.filter(pk=target["report"]).first() if "report" in target else reports.first()
    except (ValueError, ValidationError):
        found = None
    if found is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field="target.report")
    return found


def read_report_of(target: Mapping[str, Any]) -> Report:
    """Return the report that is meant, once it is read.

    Raises ``TryAgain`` while it is being read, and ``DomainError`` for one that could not be read, or that there is not.
    """
    report = report_of(target)
    if report.status == Report.Status.PENDING:
        raise TryAgain(STILL_READ, delay=READING)
    if report.status == Report.Status.FAILED:
        raise DomainError("not_processed", note(gettext_noop("The report could not be read."), detail=report.reason))
    return report


def _generate(occasion: Occasion) -> dict[str, Any]:
    """Find them; what is not read or counted yet may be so at the next attempt."""
    if occasion.target.get("of") == DAILY:
        try:
            return {"insights": generate_metric_insights()}
        except Conflict:
            raise TryAgain(NOT_COUNTED, delay=READING) from None
    report = read_report_of(occasion.target)
    return {"report": str(report.pk), "insights": generate_insights(report_id=report.pk)}


def check_report(target: Mapping[str, Any], author: Author) -> None:
    """Refuse a report that there is not; which one is the newest is seen when it runs."""
    named = [name for name in ("report", "vendor", "report_type") if target.get(name)]
    if target.get("of") == DAILY and named:
        raise DomainError("invalid", _("The daily figures are of no report."), field=f"target.{named[0]}")
    if "report" in target:
        report_of(target)
    elif target.get("vendor") and not _may_come(target["vendor"]):
        raise DomainError("unknown_reference", _("There is no report of this vendor."), field="target.vendor")


def _may_come(vendor: str) -> bool:
    """Whether there is a report of the vendor, or may soon be one: a schedule fetches it, or nothing was reported yet at all."""
    fetched = Schedule.objects.filter(target__kind="fetch_report", target__vendor=vendor)
    return Report.objects.filter(vendor=vendor).exists() or fetched.exists() or not Report.objects.exists()


GENERATE = TargetKind(
    "generate_insights",
    label=gettext_lazy("Find insights"),
    properties={
        "of": {
            "type": "string",
            "enum": ["report", DAILY],
            "title": gettext_lazy("In which figures"),
            "description": gettext_lazy("Empty: of a report. daily_figures: of the figures by day, up to yesterday."),
        },
        "report": {
            "type": "string",
            "format": "uuid",
            "title": gettext_lazy("Report"),
            "reference": "reports.Report",
            "description": gettext_lazy("Empty: the newest one, of the vendor and type below if they are named."),
        },
        "vendor": VENDOR,
        "report_type": REPORT_TYPE,
    },
    check=check_report,
    run=_generate,
)


def _fetch(occasion: Occasion) -> dict[str, Any]:
    """Fetch a file and make it a report; one that was fetched before is the report there is."""
    target = occasion.target
    try:
        answer, address = fetch_page(
            target["url"], accept="text/csv,*/*;q=0.5", seconds=FETCH_SECONDS, max_bytes=MAX_FILE_BYTES
        )
    except PageError as error:
        raise (TryAgain(error.note) if error.code in MAY_PASS else DomainError(error.code, error.note)) from None
    name = unquote(urlsplit(address).path.rpartition("/")[2])[:200] or "report"
    check_kind(io.BytesIO(answer.body), name)
    zone = ZoneInfo(Tenant.objects.get(pk=current_tenant_id()).time_zone)
    report, is_new = create_report(
        chunks=[answer.body],
        name=name,
        vendor=target["vendor"],
        report_type=target["report_type"],
        report_date=occasion.scheduled_for.astimezone(zone).date(),
        media_type=answer.headers.get("content-type", "").partition(";")[0],
        created_by=occasion.created_by,
    )
    return {"report": str(report.pk), "duplicate": not is_new}


def _check_address(target: Mapping[str, Any], author: Author) -> None:
    check_url(target["url"], field="target.url")


FETCH = TargetKind(
    "fetch_report",
    label=gettext_lazy("Fetch a report"),
    properties={
        "url": {
            "type": "string",
            "maxLength": 2000,
            "title": gettext_lazy("Address of the file"),
            "description": gettext_lazy("CSV or Excel, up to 25 MB, that everybody may read."),
        },
        "vendor": VENDOR,
        "report_type": REPORT_TYPE,
    },
    required=("url", "vendor", "report_type"),
    check=_check_address,
    run=_fetch,
)

OWN = (GENERATE, FETCH)
