"""Who works in this tenant, and who was invited to."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from tenants.admin.asking import asks_first
from tenants.admin.base import TenantAdmin
from tenants.admin.forms import InvitationForm, MembershipForm
from tenants.members import change_role, invite, may_make_owners, remove_member, revoke_invitation, send_again
from tenants.models import LoginToken, Membership
from tenants.roles import Role
from tenants.scope import current_tenant_id

STAGES = {
    "waiting": "info",
    "sending": "info",
    "sent": "success",
    "failed": "danger",
    "unknown": "warning",
    "expired": "warning",
}
"""Colours of what ``LoginToken.stage`` tells."""

ROLE_COLOURS = {"owner": "primary", "admin": "info", "operator": "success", "analyst": "default"}


@admin.register(Membership)
class MembershipAdmin(TenantAdmin):
    """Who may work in this tenant, and how far."""

    form = MembershipForm
    list_display = ("person", "name", "role_label", "last_login", "created_at")
    list_filter = ("role",)
    list_select_related = ("user",)
    search_fields = ("user__email", "user__first_name", "user__last_name")
    export_fields = ("user", "role", "created_at")
    empty_message = _("Invite the people who work here: operators run the shop, analysts look on.")

    @display(description=_("e-mail address"), ordering="user__email")
    def person(self, membership: Membership) -> str:
        """Show the address."""
        return membership.user.email

    @display(description=_("name"), ordering="user__last_name")
    def name(self, membership: Membership) -> str:
        """Show the name."""
        return membership.user.get_full_name()

    @display(description=_("role"), ordering="role", label=ROLE_COLOURS)
    def role_label(self, membership: Membership) -> tuple[str, str]:
        """Show the role as a label."""
        return membership.role, membership.get_role_display()

    @display(description=_("last login"), ordering="user__last_login")
    def last_login(self, membership: Membership) -> Any:
        """Show when the person was last here."""
        return membership.user.last_login

    fields = ("person", "role")
    readonly_fields = ("person",)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Nobody is made a member without being asked: invite instead."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:tenants_logintoken_add")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form, told whether the person who asks may make owners."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.may_make_owners = may_make_owners(request.user)  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Membership, form: ModelForm, change: bool) -> None:
        """Change the role."""
        obj.role = form.initial["role"]
        change_role(obj, role=form.cleaned_data["role"], by=request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Owners are removed by owners only."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or obj.role != Role.OWNER or may_make_owners(request.user))

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Remove the member."""
        remove_member(obj, by=request.user)

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out "delete selected": members are removed one by one."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}


@admin.register(LoginToken)
class InvitationAdmin(TenantAdmin):
    """Who was invited and has not answered. Adding one sends the mail; it is sent again, or taken back, never changed."""

    form = InvitationForm
    list_display = ("email", "role_label", "stage", "created_by", "sent_at", "expires_at")
    list_select_related = ("created_by",)
    search_fields = ("email",)
    export_fields = ("email", "role", "state", "created_at", "sent_at", "expires_at")
    actions_detail = ("resend",)
    warn_unsaved_form = False
    empty_message = _("Nobody is waiting for an answer. Invite the people who work here: they get a link by mail.")

    @display(description=_("role"), ordering="role", label=ROLE_COLOURS)
    def role_label(self, link: LoginToken) -> tuple[str, str]:
        """Show the role as a label."""
        return link.role, link.get_role_display()

    @display(description=_("mail"), label=STAGES)
    def stage(self, link: LoginToken) -> tuple[str, str]:
        """Show where the mail stands."""
        names: dict[str, Any] = {**dict(LoginToken.State.choices), "expired": gettext("Expired")}
        return link.stage(), str(names[link.stage()])

    @display(description=_("mail"))
    def mail(self, link: LoginToken) -> str:
        """Tell where the mail stands."""
        return self.stage(link)[1]

    @display(description=_("what happened"))
    def trouble(self, link: LoginToken) -> str:
        """Tell why the mail did not arrive, or may not have."""
        if link.state == LoginToken.State.UNKNOWN:
            return gettext("The mail server did not say whether it took the mail. Ask the person, or send it again.")
        return link.last_error or "-"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the tenant's own invitations: the table is global."""
        links: Any = super().get_queryset(request)
        return links.invitations(current_tenant_id())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[Any, ...]:
        """Ask whom and as what; afterwards show what became of it."""
        shown = (("email", "role"), ("mail", "trouble"), "created_by", "created_at", ("sent_at", "expires_at"))
        return shown if obj else ("email", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """An invitation is never changed."""
        shown = ("email", "role", "mail", "trouble", "created_by", "created_at", "sent_at", "expires_at")
        return shown if obj else ()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type[ModelForm]:
        """Return the form, told whether the person who asks may make owners."""
        form = super().get_form(request, obj, change=change, **kwargs)
        form.may_make_owners = may_make_owners(request.user)  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: LoginToken, form: ModelForm, change: bool) -> None:
        """Send the invitation."""
        link = invite(email=form.cleaned_data["email"], role=form.cleaned_data["role"], by=request.user)
        # Django goes on with the row it made from the form: let it be the saved one.
        obj.__dict__.update(link.__dict__)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def delete_model(self, request: HttpRequest, obj: LoginToken) -> None:
        """Take the invitation back."""
        revoke_invitation(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Take several back."""
        for link in queryset:
            revoke_invitation(link)

    @action(description=_("Send again"), icon="forward_to_inbox", permissions=["resend"])
    @asks_first
    def resend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a new link; the old one is worth nothing from now on."""
        link = self.get_object(request, object_id)
        send_again(link)
        messages.success(request, gettext("%(email)s is sent a new link.") % {"email": link.email})
        return redirect("admin:tenants_logintoken_change", object_id)

    def has_resend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whoever may invite."""
        return self.has_add_permission(request)
