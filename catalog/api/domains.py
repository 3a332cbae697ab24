"""The blueprints: domains and their attribute definitions, read by every tenant."""

from typing import ClassVar

from catalog.models import AttributeDefinition, KnowledgeDomain
from tenants.api import TenantReadViewSet
from tenants.filters import Filter
from tenants.serializers import CodeRelatedField, TenantSerializer


class DomainSerializer(TenantSerializer):
    """An industry."""

    class Meta:
        model = KnowledgeDomain
        fields = ("id", "code", "name", "name_vi", "domain_type", "description", "status", "flow_config", "created_at")
        read_only_fields = fields


class DomainViewSet(TenantReadViewSet):
    """Industries: what can be sold, and by which attributes it is described."""

    queryset = KnowledgeDomain.objects.all()
    serializer_class = DomainSerializer
    filters: ClassVar[dict[str, Filter]] = {"code": "code", "domain_type": "domain_type", "status": "status"}
    search_fields = ("code", "name", "name_vi")
    ordering_fields = ("code",)


class AttributeDefinitionSerializer(TenantSerializer):
    """One attribute of a domain."""

    domain = CodeRelatedField(read_only=True)

    class Meta:
        model = AttributeDefinition
        fields = (
            *("id", "domain", "key", "name", "name_vi", "value_type", "semantic_type", "unit", "value_constraint"),
            "choices_vi",
            *("scope", "is_required", "created_at"),
        )
        read_only_fields = fields


class AttributeDefinitionViewSet(TenantReadViewSet):
    """Attributes of the domains: type, unit and the values they may take."""

    queryset = AttributeDefinition.objects.all()
    serializer_class = AttributeDefinitionSerializer
    filters: ClassVar[dict[str, Filter]] = {
        "domain": "domain__code",
        "key": "key",
        "scope": "scope",
        "value_type": "value_type",
        "is_required": "is_required",
    }
    search_fields = ("key", "name", "name_vi")
    ordering_fields = ("key",)
