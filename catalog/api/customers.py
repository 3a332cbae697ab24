"""Customers and the names they go by on each channel."""

from typing import ClassVar

from rest_framework import serializers

from catalog.models import Customer, CustomerIdentity, SalesChannel
from catalog.services import save_customer
from tenants.api import TenantViewSet
from tenants.filters import Filter
from tenants.serializers import CodeRelatedField, TenantSerializer


class IdentitySerializer(TenantSerializer):
    """A customer's id on one channel."""

    channel = CodeRelatedField(queryset=SalesChannel.objects.all())

    class Meta:
        model = CustomerIdentity
        fields = ("channel", "external_id")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        """Leave the clash with another customer to the service: the same id may be sent again with its owner."""
        return attrs


class CustomerSerializer(TenantSerializer):
    """Who talks to a bot or buys."""

    identities = IdentitySerializer(many=True, required=False, max_length=50)

    class Meta:
        model = Customer
        fields = (
            *("id", "name", "phone", "email", "address", "note", "tags", "metadata", "identities"),
            *("created_at", "updated_at"),
        )


class CustomerViewSet(TenantViewSet):
    """Customers. ``identities``, when sent, takes the place of those there are."""

    queryset = Customer.objects.prefetch_related("identities__channel")
    serializer_class = CustomerSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "email": "email",
        "phone": "phone",
        "tag": "tags__contains",
        "channel": "identities__channel__code",
        "external_id": "identities__external_id",
    }
    search_fields = ("name", "phone", "email")

    def perform_create(self, serializer: serializers.BaseSerializer[Customer]) -> None:
        """Save the customer with the identities."""
        self._save(serializer, Customer())

    def perform_update(self, serializer: serializers.BaseSerializer[Customer]) -> None:
        """Save what changed."""
        assert serializer.instance is not None
        self._save(serializer, serializer.instance)

    def _save(self, serializer: serializers.BaseSerializer[Customer], customer: Customer) -> None:
        values = dict(serializer.validated_data)
        identities = values.pop("identities", None)
        serializer.instance = save_customer(customer=customer, values=values, identities=identities)
