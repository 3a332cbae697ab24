"""Links by which the recipient of a mail wants no more: signed, without a log-in, by one click (RFC 8058)."""

from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from reports.addresses import read_address
from reports.models import EmailMessage, InsightDelivery, InsightOptOut
from tenants.models import Tenant
from tenants.scope import current_tenant_id, tenant_scope

SALT = "reports.unsubscribe"


def unsubscribe_url(row_id: UUID) -> str:
    """Return the address that unsubscribes the recipient of a delivery of insights, or of an e-mail to one recipient.

    It holds no address of theirs, only ids.
    """
    token = signing.dumps([current_tenant_id().hex, row_id.hex], salt=SALT)
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
        address = _recipient(row_id)
        if not address:
            return None
        if is_sure:
            InsightOptOut.objects.get_or_create(address=address.lower())
        return address, Tenant.objects.get(pk=tenant_id).name


def _recipient(row_id: UUID) -> str:
    """Return the address that a delivery or an e-mail went to; empty where neither is kept any more."""
    delivery = InsightDelivery.objects.select_related("user").filter(pk=row_id).first()
    if delivery is not None:
        return delivery.mail_address
    email = EmailMessage.objects.exclude(unsubscribe_url="").filter(pk=row_id, to__len=1).first()
    return read_address(email.to[0], field="to").address if email else ""
