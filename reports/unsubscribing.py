"""Links by which the recipient of a mail wants no more: signed, without a log-in, by one click (RFC 8058)."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from reports.models import InsightDelivery, InsightOptOut
from tenants.scope import current_tenant_id, tenant_scope

SALT = "reports.unsubscribe"


def unsubscribe_url(row: InsightDelivery) -> str:
    """Return the address that unsubscribes the recipient of a delivery. It holds no address of theirs, only ids."""
    token = signing.dumps([current_tenant_id().hex, row.pk.hex], salt=SALT)
    return f"{settings.PUBLIC_URL}{reverse('unsubscribe', args=[token])}"


def unsubscribe(token: str, *, is_sure: bool) -> tuple[str, str] | None:
    """Unsubscribe whom a link stands for, if that ``is_sure``; returns their address and the tenant's name.

    None for a link that nobody has signed, or of a mail that is not kept any more. Doing it twice changes nothing.
    """
    try:
        tenant_id, row_id = (UUID(part) for part in signing.loads(token, salt=SALT))
    except (signing.BadSignature, ValueError, TypeError):
        return None
    with tenant_scope(tenant_id), transaction.atomic():
        row = InsightDelivery.objects.select_related("user", "tenant").filter(pk=row_id).first()
        if row is None:
            return None
        if is_sure:
            InsightOptOut.objects.get_or_create(address=row.mail_address.lower())
        return row.mail_address, row.tenant.name
