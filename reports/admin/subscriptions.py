"""The admin of who is told of insights by rule, and of who wants no more."""

from typing import Any

from django import forms
from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import formats
from django.utils.functional import lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminTextInputWidget,
)

from reports.models import Insight, InsightOptOut, InsightSubscription
from reports.models.subscriptions import Frequency
from tenants.admin import TenantAdmin
from tenants.models import Membership, User
from tenants.text import time_zone_choices

BY_TYPE = {"role": "role", "user": "person", "address": "address", "destination": "destination"}
"""Which field names the recipient, and of which type."""


# Unfold's own would warn whoever sits in another time zone than the server: these times are by the recipient's clock.
CLOCK = UnfoldAdminTextInputWidget(attrs={"type": "time"})


class SubscriptionForm(forms.ModelForm):
    """A recipient; what belongs to another type than the one chosen is dropped."""

    insight_types = forms.MultipleChoiceField(
        label=_("Types"),
        choices=Insight.Type.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("None means all of them."),
    )

    digest_at = forms.TimeField(
        label=_("Digest at"), initial="08:00", widget=CLOCK, help_text=_("By the recipient's clock.")
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        widget=CLOCK,
        help_text=_("Nothing is sent in this time, by the recipient's clock; it waits until its end."),
    )
    quiet_until = forms.TimeField(label=_("Quiet until"), required=False, widget=CLOCK)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lazy(lambda: [("", ""), *time_zone_choices()], list),
        required=False,
        widget=UnfoldAdminSelect2Widget,
        help_text=_("Empty: the person's own, or that of the business."),
    )

    class Meta:
        model = InsightSubscription
        fields = (
            *("recipient_type", "role", "user", "address", "destination", "channel", "min_score", "insight_types"),
            *("frequency", "digest_on", "digest_at", "quiet_from", "quiet_until", "language", "time_zone", "is_active"),
        )

    def clean(self) -> dict[str, Any]:
        """Keep the recipient of the chosen type alone."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        for field, kind in BY_TYPE.items():
            if field in values and values.get("recipient_type") != kind:
                values[field] = None if field in ("user", "destination") else ""
        return values


@admin.register(InsightSubscription)
class InsightSubscriptionAdmin(TenantAdmin):
    """Who is told of new insights, from which score on, and how soon."""

    form = SubscriptionForm
    list_display = ("who", "type_label", "channel", "from_score", "soon", "quiet", "is_active")
    list_display_links = ("who",)
    list_filter = ("recipient_type", "channel", "frequency", "is_active")
    list_select_related = ("user", "destination")
    search_fields = ("address", "user__email")
    ordering = ("-id",)
    fieldsets = (
        (
            _("Who is told"),
            {"fields": ("recipient_type", "role", "user", "address", "destination", ("channel", "is_active"))},
        ),
        (_("What is told"), {"fields": ("min_score", "insight_types")}),
        (_("When"), {"fields": ("frequency", ("digest_on", "digest_at"), ("quiet_from", "quiet_until"))}),
        (_("How"), {"fields": (("language", "time_zone"),)}),
    )
    conditional_fields = {
        **{field: f"recipient_type == '{kind}'" for field, kind in BY_TYPE.items()},
        "digest_at": "frequency != 'at_once'",
        "digest_on": "frequency == 'weekly'",
    }
    export_fields = (
        *("recipient_type", "recipient_name", "channel", "min_score", "insight_types", "frequency", "digest_at"),
        *("digest_on", "quiet_from", "quiet_until", "language", "time_zone", "is_active", "created_at"),
    )
    empty_message = _("Have people told when something odd is found: at once, or once a day or a week, and never at night.")
    empty_links = ((_("Insights"), "admin:reports_insight_changelist"),)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """Offer the members of this business."""
        if db_field.name == "user":
            options["queryset"] = User.objects.filter(pk__in=Membership.objects.values("user"))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: InsightSubscription, form: ModelForm, change: bool) -> None:
        """Keep it with its author."""
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    @display(description=_("recipient"))
    def who(self, row: InsightSubscription) -> str:
        """Show who is told."""
        return row.recipient_name

    @display(description=_("kind"), ordering="recipient_type")
    def type_label(self, row: InsightSubscription) -> str:
        """Show what kind of recipient it is, in a word."""
        words = {"role": _("Role"), "person": _("Person"), "address": _("Address"), "destination": _("Program")}
        return str(words[row.recipient_type])

    @display(description=_("of what"), ordering="min_score")
    def from_score(self, row: InsightSubscription) -> str:
        """Show from which score on, and of which types."""
        types = ", ".join(str(Insight.Type(one).label) for one in row.insight_types)
        said = gettext("From score %(score)d") % {"score": row.min_score}
        return f"{said}: {types}" if types else said

    @display(description=_("how soon"), ordering="frequency")
    def soon(self, row: InsightSubscription) -> str:
        """Show how soon, of digests when."""
        at = formats.time_format(row.digest_at, "H:i")
        match row.frequency:
            case Frequency.DAILY:
                return gettext("Every day at %(time)s") % {"time": at}
            case Frequency.WEEKLY:
                return gettext("%(day)s at %(time)s") % {"day": row.get_digest_on_display(), "time": at}
        return str(row.get_frequency_display())

    @display(description=_("quiet hours"))
    def quiet(self, row: InsightSubscription) -> str:
        """Show the quiet hours."""
        if row.quiet_from is None or row.quiet_until is None:
            return "–"
        return f"{formats.time_format(row.quiet_from, 'H:i')} – {formats.time_format(row.quiet_until, 'H:i')}"


@admin.register(InsightOptOut)
class InsightOptOutAdmin(TenantAdmin):
    """Addresses that want no mails about insights: deleting one has mails go there again."""

    list_display = ("address", "created_at")
    search_fields = ("address",)
    fields = ("address",)
    ordering = ("-id",)
    empty_message = _("Who clicks “Unsubscribe” in a mail about insights stands here, and gets no more of them.")
    empty_links = ((_("Recipients"), "admin:reports_insightsubscription_changelist"),)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: it is added or deleted."""
        return False
