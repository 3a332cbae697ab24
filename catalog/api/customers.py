"""Customers and the names they go by on each channel."""

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework import serializers

from catalog.models import Customer, CustomerIdentity, SalesChannel
from catalog.services import save_customer
from tenants.api import TenantViewSet
from tenants.errors import DomainError
from tenants.filters import Filter
from tenants.schema import example
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


@example(
    "A customer known on the website",
    {
        "name": "Nguyễn Thị Mai",
        "phone": "0901234567",
        "email": "mai@example.com",
        "tags": ["regular"],
        "identities": [{"channel": "web", "external_id": "visitor-8c1f"}],
    },
)
class CustomerSerializer(TenantSerializer):
    """Who talks to a bot or buys."""

    identities = IdentitySerializer(many=True, required=False, max_length=50)  # type: ignore[call-arg]

    class Meta:
        model = Customer
        fields = (
            *("id", "name", "phone", "email", "address", "note", "tags", "metadata", "identities"),
            *("created_at", "updated_at"),
        )


def _on_channel(customers: QuerySet, code: str) -> QuerySet:
    channel = SalesChannel.objects.filter(code=code).first()
    if channel is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field="channel")
    return customers.filter(pk__in=CustomerIdentity.objects.filter(channel=channel).values("customer"))


def _called(customers: QuerySet, external_id: str) -> QuerySet:
    return customers.filter(pk__in=CustomerIdentity.objects.filter(external_id=external_id).values("customer"))


class CustomerViewSet(TenantViewSet):
    """Customers. ``identities``, when sent, takes the place of those there are."""

    queryset = Customer.objects.prefetch_related("identities__channel")
    serializer_class = CustomerSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "email": "email",
        "phone": "phone",
        "tag": "tags__contains",
        "channel": _on_channel,
        "external_id": _called,
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
