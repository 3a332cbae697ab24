"""What is sent of insights: the text of a mail or a digest, in the language and the time zone that are active, and JSON."""

from collections.abc import Sequence
from typing import Any

from django.template.loader import render_to_string
from django.utils import formats, timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from reports.addresses import one_line
from reports.models import Insight
from reports.models.subscriptions import Frequency
from reports.rephrasing import rephrased_of
from reports.wording import content_of, period_of, text_of
from tenants.links import page_link
from tenants.models import Tenant

LONGEST_SUBJECT = 150
MOST_TOLD = 10
"""Insights in one mail; the others stand in the back office."""


def mail_of(
    insights: Sequence[Insight], *, digest: Frequency | None, tenant: Tenant, is_member: bool, unsubscribe_url: str
) -> dict[str, str]:
    """Return subject, body and HTML of a mail that tells insights; members get the way to each."""
    context = {
        "title": _title(insights, digest),
        "tenant": tenant.name,
        "insights": [_line(one, tenant if is_member else None) for one in insights[:MOST_TOLD]],
        "more": max(0, len(insights) - MOST_TOLD),
        "office_url": page_link(tenant, "admin:reports_insight_changelist"),
        "digest": digest,
        "unsubscribe_url": unsubscribe_url,
        "language": translation.get_language(),
    }
    subject = Truncator(one_line(f"{context['title']} · {tenant.name}")).chars(LONGEST_SUBJECT)
    return {
        "subject": subject,
        "body": render_to_string("reports/mail/insights.txt", context).strip() + "\n",
        "html": render_to_string("reports/mail/insights.html", context),
    }


def _title(insights: Sequence[Insight], digest: Frequency | None) -> str:
    """Return what the mail is called: by the insight itself where there is one, else by how many there are."""
    count = len(insights)
    if digest is None:
        if count == 1:
            return text_of(insights[0])
        said = ngettext("%(count)d new insight: %(source)s", "%(count)d new insights: %(source)s", count)
        return said % {"count": count, "source": source_of(insights[0])}
    day = {"count": count, "day": formats.date_format(timezone.localdate(), "DATE_FORMAT")}
    if digest == Frequency.WEEKLY:
        return (
            ngettext("The week until %(day)s: %(count)d insight", "The week until %(day)s: %(count)d insights", count) % day
        )
    return ngettext("%(day)s: %(count)d insight", "%(day)s: %(count)d insights", count) % day


def source_of(insight: Insight) -> str:
    """Return what it was found in."""
    return str(insight.report) if insight.report else _("Daily figures")


def _line(insight: Insight, members_of: Tenant | None) -> dict[str, Any]:
    url = page_link(members_of, "admin:reports_insight_change", insight.pk) if members_of else ""
    return {
        "text": text_of(insight),
        "rephrased": rephrased_of(insight, translation.get_language() or "en"),
        "type": insight.get_insight_type_display(),
        "score": insight.score,
        "source": source_of(insight),
        "period": period_of(insight),
        "url": url,
    }


def message_of(insights: Sequence[Insight], *, frequency: str) -> dict[str, Any]:
    """Return what programs are told: each insight as the API answers it."""
    return {"frequency": frequency, "insights": [_as_json(one) for one in insights]}


def _as_json(insight: Insight) -> dict[str, Any]:
    return {
        "id": str(insight.pk),
        "report": str(insight.report_id) if insight.report_id else None,
        "metric": insight.metric,
        "insight_type": insight.insight_type,
        "score": insight.score,
        "content": content_of(insight),
    }
