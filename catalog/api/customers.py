"""Customers and the names they go by on each channel."""

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.customers import customer_history, merge_customers, save_customer
from catalog.models import Customer, CustomerIdentity, SalesChannel
from tenants.api import TenantViewSet
from tenants.auth import author_of
from tenants.errors import Conflict, DomainError
from tenants.filters import Filter
from tenants.schema import example
from tenants.serializers import ChoiceField, CodeRelatedField, IdRelatedField, StrictSerializer, TenantSerializer, TextField


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
            *("merged_into", "created_at", "updated_at"),
        )
        read_only_fields = ("merged_into",)


@example("The same person on two channels", {"into": "0199b2f4-6a7e-7c33-9a55-0d1b5f0e7a10"})
class MergeSerializer(StrictSerializer):
    """Whom a customer turned out to be."""

    into = IdRelatedField(queryset=Customer.objects.all())


class HistoryEntrySerializer(StrictSerializer):
    """One thing that happened; ``data`` depends on the kind."""

    kind = ChoiceField(["order", "identity", "merge"])
    at = serializers.DateTimeField()
    id = serializers.UUIDField()
    text = TextField()
    data = serializers.DictField()  # type: ignore[assignment] # a field of that name


class HistorySerializer(StrictSerializer):
    """What happened, newest first."""

    results = HistoryEntrySerializer(many=True)


def _on_channel(customers: QuerySet, code: str) -> QuerySet:
    channel = SalesChannel.objects.filter(code=code).first()
    if channel is None:
        raise DomainError("unknown_reference", _("There is nothing of this name."), field="channel")
    return customers.filter(pk__in=CustomerIdentity.objects.filter(channel=channel).values("customer"))


def _called(customers: QuerySet, external_id: str) -> QuerySet:
    return customers.filter(pk__in=CustomerIdentity.objects.filter(external_id=external_id).values("customer"))


class CustomerViewSet(TenantViewSet):
    """Customers. ``identities``, when sent, takes the place of those there are.

    One that was merged into another is in no list, can be read, and names that one as ``merged_into``.
    """

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

    def get_queryset(self) -> QuerySet:
        """Leave those merged away out of the list."""
        rows: QuerySet = super().get_queryset()
        return rows.filter(merged_into=None) if self.action == "list" else rows

    @extend_schema(request=MergeSerializer, responses=CustomerSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def merge(self, request: Request, pk: str) -> Response:
        """Make this customer one with another: identities, orders and conversations follow. Twice is once.

        409 ``merged_already`` when one of the two was merged elsewhere before.
        """
        source = self.get_object()
        into = merge_customers(source=source, into=self.read_body(MergeSerializer)["into"], by=author_of(request))
        return self.answer(self.get_queryset().get(pk=into.pk))

    @extend_schema(responses=HistorySerializer, filters=False)
    @action(detail=True)
    def history(self, request: Request, pk: str) -> Response:
        """Tell the customer's orders, channels and merges, newest first."""
        return Response(HistorySerializer({"results": customer_history(self.get_object())}).data)

    def perform_create(self, serializer: serializers.BaseSerializer[Customer]) -> None:
        """Save the customer with the identities."""
        self._save(serializer, Customer())

    def perform_update(self, serializer: serializers.BaseSerializer[Customer]) -> None:
        """Save what changed."""
        assert serializer.instance is not None
        if serializer.instance.merged_into_id:
            raise Conflict("merged_already", _("This customer was merged into another: change that one."))
        self._save(serializer, serializer.instance)

    def _save(self, serializer: serializers.BaseSerializer[Customer], customer: Customer) -> None:
        values = dict(serializer.validated_data)
        identities = values.pop("identities", None)
        serializer.instance = save_customer(customer=customer, values=values, identities=identities)
