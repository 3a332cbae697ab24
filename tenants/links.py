"""Addresses for mails: of a page of the admin, in the tenant that the mail is of, whichever its reader works in."""

from django.conf import settings
from django.urls import reverse

from tenants.models import Tenant


def page_link(tenant: Tenant, view: str, *args: object) -> str:
    """Return the address that opens a page of the admin in a tenant (``tenants.views.open_in_tenant``)."""
    path = reverse(view, args=args).removeprefix(reverse("admin:index"))
    return f"{settings.PUBLIC_URL}{reverse('open_in_tenant', args=[tenant.pk, path])}"
