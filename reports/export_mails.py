"""Telling who ordered the export of a tenant that its file is there, by e-mail: facts flow right as rows.

The e-mail has the id of the export, so that several workers tell it once, and one that was killed tells it later.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.translation import gettext as _

from reports.emails import write_email
from reports.models import EmailMessage
from tenants.errors import DomainError
from tenants.models import PLATFORM_ID, TenantExport
from tenants.queue import QueueState
from tenants.scope import tenant_scope

logger = logging.getLogger(__name__)

TOLD_FOR = timedelta(days=1)
"""After that nobody waits for the mail any more."""


def tell_of_exports() -> int:
    """Write to everybody whose export has ended, for good or ill, and who was not told yet; returns how many."""
    with tenant_scope(PLATFORM_ID):
        return sum(_tell(row) for row in _untold())


def _untold() -> Iterable[TenantExport]:
    ended = TenantExport.objects.filter(state__in=[QueueState.DONE, QueueState.FAILED], created_by__is_active=True)
    recent = ended.filter(due_at__gt=Now() - TOLD_FOR).exclude(pk__in=EmailMessage.objects.values("pk"))
    return recent.select_related("created_by").order_by("pk")


def _tell(row: TenantExport) -> bool:
    assert row.created_by
    try:
        with transaction.atomic(), translation.override(row.created_by.locale or None):
            write_email(id=row.pk, to=[row.created_by.email], is_queued=True, **_said(row))
        return True
    except IntegrityError:  # another worker has told it
        return False
    except DomainError as error:  # an address that no mail can have
        logger.error("%s cannot be told of the export %s: %s", row.created_by.pk, row.pk, error.code)
        return False


def _said(row: TenantExport) -> dict[str, Any]:
    url = f"{settings.PUBLIC_URL}{reverse('admin:tenants_tenant_exports', args=[row.exported_id])}"
    if row.state == QueueState.FAILED:
        subject = _("The export of %(tenant)s has failed") % {"tenant": row.slug}
        return {"subject": subject, "body": f"{subject}.\n\n{url}\n"}
    subject = _("The export of %(tenant)s is ready") % {"tenant": row.slug}
    day = formats.date_format(timezone.localdate(row.expires_at), "DATE_FORMAT")
    until = _("Its file can be fetched until %(day)s.") % {"day": day}
    return {"subject": subject, "body": f"{until}\n\n{url}\n"}
