"""The blueprints: edited by platform staff, read by everybody."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline

from catalog.admin.forms.domains import DefinitionForm
from catalog.models import AttributeDefinition, KnowledgeDomain
from tenants.admin import PlatformAdmin

ABOUT = (("key", "value_type", "scope"), ("name", "name_vi"), ("semantic_type", "unit", "is_required"))
LIMITS = (("least", "most"), ("choices", "labels"), "pattern")


class AttributeDefinitionInline(StackedInline):
    """The attributes of a domain, each folded up until it is opened; a new one stands open."""

    model = AttributeDefinition
    form = DefinitionForm
    tab = True
    extra = 0
    collapsible = True
    fields = (*ABOUT, *LIMITS)
    verbose_name_plural = _("attributes")

    class Media:
        """Opens a new row."""

        js = ("tenants/added.js",)


@admin.register(KnowledgeDomain)
class KnowledgeDomainAdmin(PlatformAdmin):
    """Industries and what describes their offerings."""

    list_display = ("code", "name", "name_vi", "domain_type", "status")
    list_filter = ("domain_type", "status")
    search_fields = ("code", "name", "name_vi")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": (("code", "domain_type", "status"), ("name", "name_vi"), "description")}),
        (_("Bots"), {"classes": ("tab",), "fields": ("flow_config",)}),
    )
    inlines = (AttributeDefinitionInline,)
    empty_message = _("A domain is an industry, such as electronics: it says by which attributes offerings are described.")


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(PlatformAdmin):
    """Attributes of all domains."""

    list_display = ("name", "key", "domain", "value_type", "unit", "scope", "is_required")
    list_filter = ("domain", "scope", "value_type")
    list_select_related = ("domain",)
    search_fields = ("key", "name", "name_vi")
    ordering = ("domain__code", "scope", "key")
    form = DefinitionForm
    fieldsets = (
        (None, {"fields": ("domain", *ABOUT)}),
        (_("Limits"), {"fields": LIMITS, "description": _("Values given from now on keep to them.")}),
    )
    empty_message = _("Attributes describe what a domain sells, such as the screen size of a phone.")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep the domain: every value already given relies on it."""
        return ("domain",) if obj else ()
