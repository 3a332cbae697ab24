"""A small API over real tables, made the way ``docs/api.md`` says: what the tests of the bases talk to."""

from django.db import OperationalError
from django.urls import include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from catalog.models import Customer, CustomerIdentity, PriceList, SalesChannel, Variant, VariantPrice
from tenants.api import TenantAPIView, TenantViewSet
from tenants.errors import Conflict, unknown_route
from tenants.serializers import CodeRelatedField, MoneyField, SkuRelatedField, StrictSerializer, TenantSerializer, TextField


class ChannelSerializer(TenantSerializer):
    class Meta:
        model = SalesChannel
        fields = ("id", "code", "name", "is_active")


class ChannelViewSet(TenantViewSet):
    queryset = SalesChannel.objects.all()
    serializer_class = ChannelSerializer
    filters = {"is_active": "is_active"}
    search_fields = ("name", "code")
    ordering_fields = ("code", "name")

    @extend_schema(request=None, responses=ChannelSerializer)
    @action(detail=True, methods=["post"], verb="change")
    def close(self, request, pk):
        channel = self.get_object()
        if not channel.is_active:
            raise Conflict("closed", "The channel is closed already.")
        channel.is_active = False
        channel.save()
        return self.answer(channel)

    @action(detail=True, methods=["post"])
    def undeclared(self, request, pk):
        raise AssertionError("nobody may come here")


class CustomerSerializer(TenantSerializer):
    class Meta:
        model = Customer
        fields = ("id", "name", "email", "tags", "metadata", "created_at", "updated_at")


class CustomerViewSet(TenantViewSet):
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    search_fields = ("name",)
    ordering_fields = ("name", "created_at")
    ordering = ("-created_at",)


class IdentitySerializer(TenantSerializer):
    channel = CodeRelatedField(queryset=SalesChannel.objects.all())

    class Meta:
        model = CustomerIdentity
        fields = ("id", "customer", "channel", "external_id")


class IdentityViewSet(TenantViewSet):
    queryset = CustomerIdentity.objects.all()
    serializer_class = IdentitySerializer
    filters = {"channel": "channel__code", "customer": "customer"}


class PriceListSerializer(TenantSerializer):
    class Meta:
        model = PriceList
        fields = ("id", "code", "valid_from", "valid_to")


class PriceListViewSet(TenantViewSet):
    queryset = PriceList.objects.all()
    serializer_class = PriceListSerializer


class PriceSerializer(TenantSerializer):
    price_list = CodeRelatedField(queryset=PriceList.objects.all())
    variant = SkuRelatedField(queryset=Variant.objects.all())
    sku = serializers.CharField(source="variant.sku", read_only=True)
    amount = MoneyField()

    class Meta:
        model = VariantPrice
        fields = ("id", "price_list", "variant", "sku", "currency", "amount")


class PriceViewSet(TenantViewSet):
    queryset = VariantPrice.objects.all()
    serializer_class = PriceSerializer


class EchoQuery(StrictSerializer):
    limit = serializers.IntegerField(min_value=1, max_value=10, default=5)
    channel = CodeRelatedField(queryset=SalesChannel.objects.all(), required=False)


class EchoBody(StrictSerializer):
    text = TextField()
    number = serializers.FloatField(required=False)
    anything = serializers.JSONField(required=False)


class EchoView(TenantAPIView):
    required_permission = {"GET": "catalog.view_customer", "POST": "catalog.add_customer"}
    calls = []

    @extend_schema(parameters=[EchoQuery], responses=EchoBody)
    def get(self, request):
        return Response({"text": str(self.read_query(EchoQuery)["limit"])})

    @extend_schema(request=EchoBody, responses={201: EchoBody})
    def post(self, request):
        values = self.read_body(EchoBody)
        EchoView.calls.append(values["text"])
        if values["text"] == "break":
            raise RuntimeError("secret detail")
        if values["text"] == "database down":
            raise OperationalError("secret host")
        return Response(values, status=201)


class UploadBody(StrictSerializer):
    file = serializers.FileField()
    note = TextField(required=False)


class UploadView(TenantAPIView):
    required_permission = "catalog.add_customer"
    parser_classes = [MultiPartParser]
    calls = []

    @extend_schema(request=UploadBody, responses={201: UploadBody})
    def post(self, request):
        values = self.read_body(UploadBody)
        self.calls.append(values["file"].read())
        return Response({"size": values["file"].size}, status=201)


router = SimpleRouter()
for name, view_set in {
    "channels": ChannelViewSet,
    "customers": CustomerViewSet,
    "identities": IdentityViewSet,
    "price-lists": PriceListViewSet,
    "prices": PriceViewSet,
}.items():
    router.register(name, view_set)

urlpatterns = [
    path("api/v1/echo/", EchoView.as_view()),
    path("api/v1/upload/", UploadView.as_view()),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include(router.urls)),
    re_path(r"^api/", unknown_route),
]
handler400 = "tenants.errors.bad_request"
handler500 = "tenants.errors.server_error"
