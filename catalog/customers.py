"""Who is writing: a customer found by the id a channel gives, or made at the first word."""

from django.db import transaction

from catalog.models import Customer, CustomerIdentity, SalesChannel


@transaction.atomic
def identify_customer(*, channel: SalesChannel, external_id: str, name: str = "") -> Customer:
    """Return the customer behind ``external_id`` on ``channel``; two first messages at once make one customer."""
    known = CustomerIdentity.objects.select_related("customer").filter(channel=channel, external_id=external_id)
    identity = known.first()
    if identity is None:
        fresh = Customer.objects.create(name=name)
        CustomerIdentity.objects.bulk_create(
            [CustomerIdentity(customer=fresh, channel=channel, external_id=external_id)], ignore_conflicts=True
        )
        identity = known.get()
        if identity.customer_id != fresh.id:
            fresh.delete()
    return identity.customer
