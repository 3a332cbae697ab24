"""The e-mail accounts of a tenant."""

from typing import Any, ClassVar

from rest_framework.serializers import BaseSerializer

from reports.models import Mailbox
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import TenantSerializer


@example("A shop's address", {"name": "Harbour Homes", "address": "hello@harbour-homes.example"})
class MailboxSerializer(TenantSerializer):
    """An account. ``smtp``: the credential to send by; its servers and passwords are in the vault."""

    class Meta:
        model = Mailbox
        fields = ("id", "name", "address", "smtp", "is_active", "metadata", "created_at", "updated_at")


class MailboxViewSet(TenantViewSet):
    """E-mail accounts of the tenant's own."""

    queryset = Mailbox.objects.all()
    serializer_class = MailboxSerializer
    filters: ClassVar[dict[str, Filter]] = {"is_active": "is_active", "address": "address"}
    search_fields = ("name", "address")

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Keep it with its author."""
        serializer.save(created_by=author_of(self.request))
