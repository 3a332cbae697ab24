"""The proofs of who was forgotten."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from catalog.models import Erasure
from tenants.admin import LedgerAdmin
from tenants.admin.base import LINK
from tenants.notes import told

Counted = tuple[str, int, str]


@admin.register(Erasure)
class ErasureAdmin(LedgerAdmin):
    """What was deleted and what was kept of customers who were forgotten; they are named by ids that lead nowhere."""

    has_history = True
    list_display = ("created_at", "subject", "rows_deleted", "rows_emptied", "mentions", "created_by")
    list_display_links = ("created_at",)
    list_select_related = ("created_by",)
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("created_at", "created_by"), "subject")}),
        (_("Report"), {"fields": ("deleted", "emptied", "kept", "still_mentioned", "maybe_mentioned", "beyond")}),
    )
    export_fields = ("created_at", "customer_ids", "report", "created_by")
    empty_message = _("Customers who ask to be forgotten are erased on their own page. What was done is proved here.")
    empty_links = ((_("Customers"), "admin:catalog_customer_changelist"),)

    @display(description=_("customer"))
    def subject(self, erasure: Erasure) -> str:
        """Show the ids of who was forgotten."""
        return ", ".join(str(one) for one in erasure.customer_ids)

    @display(description=_("rows deleted"))
    def rows_deleted(self, erasure: Erasure) -> str:
        """Show how many rows went."""
        return str(number_format(sum(erasure.report.get("deleted", {}).values())))

    @display(description=_("rows emptied"))
    def rows_emptied(self, erasure: Erasure) -> str:
        """Show how many rows lost what they told."""
        return str(number_format(sum(erasure.report.get("emptied", {}).values())))

    @display(description=_("still mentioned"))
    def mentions(self, erasure: Erasure) -> str:
        """Show in how many texts they are still mentioned."""
        return str(number_format(sum(one["count"] for one in erasure.report.get("found_elsewhere", []))))

    @display(description=_("deleted"))
    def deleted(self, erasure: Erasure) -> str:
        """Show what was deleted."""
        return _listed((kind, count, "") for kind, count in erasure.report.get("deleted", {}).items())

    @display(description=_("emptied"))
    def emptied(self, erasure: Erasure) -> str:
        """Show what was emptied."""
        return _listed((kind, count, "") for kind, count in erasure.report.get("emptied", {}).items())

    @display(description=_("kept"))
    def kept(self, erasure: Erasure) -> str:
        """Show what stays, and why."""
        return _listed((one["kind"], one["count"], told(one["why"])) for one in erasure.report.get("kept", []))

    @display(description=_("still mentioned in your own texts"))
    def still_mentioned(self, erasure: Erasure) -> str:
        """Link to the texts of the business in which their number, address or full name stands."""
        found = erasure.report.get("found_elsewhere", [])
        return _listed((one["kind"], one["count"], _links(one["kind"], one["ids"])) for one in found)

    @display(description=_("maybe mentioned in your own texts"))
    def maybe_mentioned(self, erasure: Erasure) -> str:
        """Link to the texts in which a name of theirs stands, of whomever it is said."""
        found = erasure.report.get("maybe_elsewhere")
        if found is None:
            return gettext("They had no name.")
        said = gettext(
            "Others may bear the name: it was looked for between the ends of words, a full name with and without diacritics, "
            "and left as it is where no telephone number or address beside it tells who is meant."
        )
        return format_html(
            "{}{}", said, _listed((one["kind"], one["count"], _links(one["kind"], one["ids"])) for one in found)
        )

    @display(description=_("not reached"))
    def beyond(self, erasure: Erasure) -> str:
        """Say what no program of ours can reach."""
        return gettext(
            "Backups made before, and what was sent outside: mails, and events that other systems were told of. After a "
            "restore erase the customer again."
        )


def _listed(counted: Iterable[Counted]) -> str:
    lines = [(_name(kind), number_format(count), note) for kind, count, note in counted]
    if not lines:
        return "–"
    return format_html("<ul>{}</ul>", format_html_join("", '<li>{}: {} <span class="text-subtle">{}</span></li>', lines))


def _name(kind: str) -> str:
    try:
        return capfirst(str(apps.get_model(kind)._meta.verbose_name_plural))
    except (LookupError, ValueError):
        return kind


def _links(kind: str, ids: Iterable[str]) -> Any:
    try:
        links = [(LINK, reverse(f"admin:{kind.replace('.', '_')}_change", args=[one]), str(one)[-6:]) for one in ids]
    except NoReverseMatch:
        return ""
    return format_html_join(" ", '<a class="{}" href="{}">…{}</a>', links)
