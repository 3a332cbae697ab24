"""Who is here: the tenant's own settings, its API keys and files; for platform staff all tenants and users."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from tenants.admin.asking import asks_first
from tenants.admin.base import LINK, LedgerAdmin, PlatformAdmin, TenantAdmin, is_platform_staff
from tenants.admin.exports import ExportsMixin
from tenants.admin.forms import ApiKeyForm, TenantForm, TypedSlugForm
from tenants.admin.settings import SettingsMixin
from tenants.deleting import delete_tenant
from tenants.errors import DomainError
from tenants.login_links import log_out_everywhere
from tenants.models import PLATFORM_ID, ApiKey, Membership, StoredFile, Tenant, User
from tenants.second_factor import enrolled, remove
from tenants.services import issue_api_key, rotate_api_key, set_tenant_status
from tenants.views.proof import LASTS, is_proved, proof_form


def show_once(request: HttpRequest, text: str, secret: str) -> None:
    """Show a secret in a message: it is nowhere else, and gone with the next page."""
    shown = '{} <code class="font-mono font-semibold select-all break-all">{}</code>'
    messages.success(request, format_html(shown, text, secret))


@admin.register(Tenant)
class TenantSettingsAdmin(ExportsMixin, SettingsMixin, PlatformAdmin):
    """For a tenant's people its own settings; for platform staff the list of tenants and the way into each."""

    form = TenantForm
    list_display = ("name", "slug", "status_label", "plan", "locale", "time_zone", "currency", "enter")
    list_filter = ("status", "plan")
    search_fields = ("name", "slug")
    ordering = ("name",)
    list_after_template = "tenants/admin/enter_form.html"
    actions_detail = ("suspend", "resume", "exports", "delete_for_good")
    fieldsets = (
        (None, {"fields": ("name", ("slug", "status", "plan"))}),
        (_("Language and money"), {"fields": (("locale", "time_zone"), "currency")}),
    )
    empty_message = _("There is no tenant yet. The command “create_tenant” makes one with its owner.")

    @display(description=_("status"), ordering="status", label={"active": "success", "suspended": "danger"})
    def status_label(self, tenant: Tenant) -> tuple[str, str]:
        """Show the status as a label."""
        return tenant.status, tenant.get_status_display()

    @display(description="")
    def enter(self, tenant: Tenant) -> str:
        """Show the button that enters the tenant (the form stands at the foot of the list)."""
        button = '<button class="{}" form="enter-tenant" name="tenant" value="{}">{}</button>'
        return format_html(button, LINK, tenant.pk, gettext("Enter"))

    @action(description=_("Suspend this tenant"), icon="pause_circle", permissions=["suspend"])
    @asks_first
    def suspend(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Stop its API, log-ins and jobs within a second; nothing is lost."""
        return self._set_status(request, object_id, Tenant.Status.SUSPENDED, gettext("%(tenant)s is suspended."))

    @action(description=_("Resume this tenant"), icon="play_circle", permissions=["resume"])
    @asks_first
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let it go on where it stood."""
        return self._set_status(request, object_id, Tenant.Status.ACTIVE, gettext("%(tenant)s goes on."))

    def _set_status(self, request: HttpRequest, object_id: str, status: str, said: str) -> HttpResponse:
        tenant = set_tenant_status(tenant_id=UUID(object_id), status=status)
        messages.success(request, said % {"tenant": tenant})
        return redirect("admin:tenants_tenant_change", object_id)

    @action(description=_("Delete this tenant for good"), icon="delete_forever", permissions=["delete_for_good"])
    def delete_for_good(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the short name once more, suspend the tenant and order its deletion."""
        tenant = self.get_object(request, object_id)
        if tenant is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form, proof = TypedSlugForm(request.POST or None), proof_form(request)
        if request.method == "POST" and all([form.is_valid(), proof is None or is_proved(request, proof)]):
            try:
                delete_tenant(tenant=tenant, typed=form.cleaned_data["slug"], by=request.user)  # type: ignore[arg-type]
            except DomainError as error:
                form.add_error("slug", error.message)
            else:
                messages.success(request, gettext("%(tenant)s is suspended and is being deleted.") % {"tenant": tenant})
                return redirect("admin:tenants_tenant_changelist")
        return TemplateResponse(request, "tenants/admin/ask_first.html", self._ask_to_delete(request, tenant, form, proof))

    def _ask_to_delete(
        self, request: HttpRequest, tenant: Tenant, form: TypedSlugForm, proof: Form | None
    ) -> dict[str, Any]:
        context = {"title": _("Delete this tenant for good"), "opts": self.opts, "original": tenant, "form": form}
        context |= {"proof": proof, "typed": True, "minutes": LASTS // 60}
        consequence = _(
            "Every row and every file of it goes, its secrets, its audit, the files of its exports here, and the accounts "
            "of people who work nowhere else. Nobody brings that back. Export it and fetch the file first. Then type its "
            "short name: %(slug)s"
        )
        return {**self.admin_site.each_context(request), **context, "consequence": consequence % {"slug": tenant.slug}}

    def has_delete_for_good_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Platform staff, of any tenant but the platform's own."""
        return is_platform_staff(request) and object_id != str(PLATFORM_ID)

    def has_suspend_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Platform staff, of a tenant that works."""
        return is_platform_staff(request) and self._status_of(object_id) in (None, Tenant.Status.ACTIVE)

    def has_resume_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Platform staff, of a tenant that is suspended."""
        return is_platform_staff(request) and self._status_of(object_id) in (None, Tenant.Status.SUSPENDED)

    def _status_of(self, object_id: str | None) -> str | None:
        return Tenant.objects.filter(pk=object_id).values_list("status", flat=True).first() if object_id else None

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Inside a tenant there is only one: show its settings at once."""
        if is_platform_staff(request):
            return super().changelist_view(request, extra_context)
        return redirect("admin:tenants_tenant_change", request.tenant.pk)  # type: ignore[attr-defined]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Short name, status and plan are the platform's to decide."""
        return ("status",) if is_platform_staff(request) else ("slug", "status", "plan")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: the command makes a tenant together with its owner and what the apps give it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Platform staff, and in the own tenant whom the role allows."""
        return is_platform_staff(request) or request.user.has_perm("tenants.change_tenant")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never here: suspend it."""
        return False


@admin.register(User)
class UserAdmin(PlatformAdmin):
    """The people. A tenant sees its own members and changes nothing; platform staff keep the accounts."""

    list_display = ("email", "first_name", "last_name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    fields = ("email", ("first_name", "last_name"), "locale", ("is_active", "is_superuser"), "last_login", "created_at")
    readonly_fields = ("last_login", "created_at")
    export_fields = ("email", "first_name", "last_name", "is_active", "is_superuser", "last_login", "created_at")
    actions_submit_line = ("new_password",)
    actions_detail = ("end_sessions", "remove_second_factor")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return everybody on the platform, inside a tenant only its members: people are global rows."""
        everybody = super().get_queryset(request)
        return everybody if is_platform_staff(request) else everybody.filter(pk__in=Membership.objects.values("user"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for the address and name first."""
        return super().get_fields(request, obj) if obj else ("email", ("first_name", "last_name"), "is_superuser")

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """Give a new person a password, shown once."""
        if not change:
            self._give_password(request, obj)
        super().save_model(request, obj, form, change)

    @action(description=_("Give a new password"), permissions=["change"])
    def new_password(self, request: HttpRequest, user: User) -> None:
        """Replace the password by a random one, shown once. Sessions, tokens and login links of the person end."""
        self._give_password(request, user)
        log_out_everywhere(user, also=["password"])

    @action(description=_("End all sessions"), icon="logout", permissions=["change"])
    @asks_first
    def end_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Log the person out everywhere: browsers, tokens and login links."""
        user = User.objects.get(pk=object_id)
        log_out_everywhere(user)
        messages.success(request, gettext("%(email)s is logged out everywhere.") % {"email": user.email})
        return redirect("admin:tenants_user_change", object_id)

    @action(description=_("Remove the second factor"), icon="phonelink_erase", permissions=["remove_second_factor"])
    @asks_first
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a person in who has lost phone and recovery codes: they log in with the password and set up another."""
        user = User.objects.get(pk=object_id)
        remove(user)
        log_out_everywhere(user)
        messages.success(request, gettext("%(email)s has no second factor any more.") % {"email": user.email})
        return redirect("admin:tenants_user_change", object_id)

    def has_remove_second_factor_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Platform staff, of a person who has one."""
        user = User.objects.filter(pk=object_id).first() if object_id else None
        return is_platform_staff(request) and (user is None or enrolled(user) is not None)

    def _give_password(self, request: HttpRequest, user: User) -> None:
        password = secrets.token_urlsafe(15)
        user.set_password(password)
        show_once(request, gettext("Password of %(email)s, shown only now:") % {"email": user.email}, password)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: rows name the person who made them. Deactivate instead."""
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(TenantAdmin):
    """The ways in for programs. The key itself is shown once, when it is made."""

    form = ApiKeyForm
    list_display = ("name", "begins_with", "may_do", "bot", "state", "last_used_at", "expires_at")
    list_select_related = ("bot",)
    search_fields = ("name", "prefix")
    export_fields = ("name", "prefix", "scopes", "bot", "created_at", "expires_at", "revoked_at", "last_used_at")
    fields = ("name", "scopes", "bot", "expires_at")
    actions = ("revoke_keys", "export")
    actions_submit_line = ("rotate", "revoke")
    warn_unsaved_form = False
    empty_message = _("A bot or a web shop that calls the API needs a key. It is shown once, so keep it safe.")

    @display(description=_("begins with"))
    def begins_with(self, key: ApiKey) -> str:
        """Show the part of the key that may be known."""
        return f"{key.prefix}…"

    @display(description=_("may do"))
    def may_do(self, key: ApiKey) -> str:
        """Show the scopes."""
        return ", ".join(key.scopes) or gettext("everything")

    @display(description=_("state"), label={"live": "success", "revoked": "danger", "expired": "warning"})
    def state(self, key: ApiKey) -> tuple[str, str]:
        """Show whether the key opens the door."""
        names = {"live": gettext("Active"), "revoked": gettext("Revoked"), "expired": gettext("Expired")}
        return key.state(), names[key.state()]

    @display(description=_("state"))
    def state_text(self, key: ApiKey) -> str:
        """Tell whether the key opens the door."""
        return self.state(key)[1]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A key is never changed: make another and revoke this one."""
        return (
            ("name", "begins_with", "may_do", "bot", "state_text", "created_by", "created_at", "expires_at", "last_used_at")
            if obj
            else ()
        )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Show everything but the secret."""
        return self.get_readonly_fields(request, obj) or self.fields

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:
        """Make the key and show it once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        bot_id: UUID | None = obj.bot_id
        made, key = issue_api_key(
            name=obj.name,
            scopes=obj.scopes,
            bot_id=bot_id,
            expires_at=obj.expires_at,
            created_by=request.user,  # type: ignore[arg-type]
        )
        obj.__dict__.update(made.__dict__)
        show_once(request, gettext("The new API key, shown only now:"), key)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Offer no "save" on a page where nothing can be changed."""
        context |= {
            "show_save": context["original"] is None,
            "show_save_and_continue": False,
            "show_save_and_add_another": False,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @action(description=_("Replace it, with an hour of overlap"), permissions=["change"])
    def rotate(self, request: HttpRequest, key: ApiKey) -> None:
        """Make a key that may do the same, shown once; the old one works for one more hour."""
        _row, text = rotate_api_key(key, overlap=timedelta(hours=1), created_by=request.user)  # type: ignore[arg-type]
        key.refresh_from_db()
        show_once(request, gettext("The new API key, shown only now; the old one works for one more hour:"), text)

    @action(description=_("Revoke this key"), permissions=["change"])
    def revoke(self, request: HttpRequest, key: ApiKey) -> None:
        """Close this way in."""
        key.revoke()
        messages.warning(request, gettext("“%(name)s” opens nothing any more.") % {"name": key.name})

    @admin.action(description=_("Revoke the chosen keys"), permissions=["change"])
    def revoke_keys(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Close these ways in."""
        live = queryset.filter(revoked_at=None)
        for key in live:
            key.revoke()
        messages.warning(request, gettext("%(count)s keys revoked.") % {"count": len(live)})

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: a revoked key stays on record."""
        return False


@admin.register(StoredFile)
class StoredFileAdmin(LedgerAdmin):
    """Files that were uploaded, such as catalogues to import."""

    list_display = ("name", "media_type", "size", "created_by", "created_at", "download")
    list_select_related = ("created_by",)
    search_fields = ("name",)
    fields = ("name", "media_type", "size", "sha256", "created_by", "created_at", "download")
    empty_message = _("Files you upload, such as a catalogue to import, are kept here.")

    @display(description="")
    def download(self, file: StoredFile) -> str:
        """Link to the bytes."""
        return format_html(
            '<a class="{}" href="{}">{}</a>', LINK, reverse("download_file", args=[file.pk]), gettext("Download")
        )
