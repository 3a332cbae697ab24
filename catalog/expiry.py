"""Ending what was held too long: reservations are released, pending orders cancelled with the reason ``expired``.

Nothing waits for this: availability counts an expired hold as gone the moment it ends. The sweep only tidies up and
tells, tenant by tenant, in batches that other workers skip.
"""

import random
from uuid import UUID

from django.db.models.functions import Now

from catalog.models import Order, StockReservation
from catalog.orders import cancel_expired
from catalog.reservations import release_expired
from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope

BATCH = 200
"""How much of one tenant is ended before the next one's turn."""


def end_expired() -> int:
    """End what is past its end, of all active tenants in random turn; returns how many reservations and orders."""
    done = 0
    for tenant_id in _tenants_with_expired():
        with tenant_scope(tenant_id):
            done += cancel_expired(BATCH) + release_expired(BATCH)
    return done


def _tenants_with_expired() -> list[UUID]:
    with platform_scope(reason="name the tenants whose reservations and orders have expired"):
        active = {"expires_at__lte": Now(), "tenant__status": Tenant.Status.ACTIVE}
        orders = Order.objects.filter(status=Order.Status.PENDING, **active)
        holds = StockReservation.objects.filter(state=StockReservation.State.OPEN, order=None, **active)
        tenants = {*orders.values_list("tenant_id", flat=True), *holds.values_list("tenant_id", flat=True)}
    turn = list(tenants)
    random.shuffle(turn)
    return turn
