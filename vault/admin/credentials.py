"""Credentials: kept, replaced, tried and granted, never read; and every use of them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import TabularInline
from unfold.decorators import action, display

from tenants.admin import LedgerAdmin, TenantAdmin, asks_who
from tenants.admin.people import LINK
from tenants.models import Setting
from tenants.notes import told
from vault.admin.forms import KEEP, CredentialForm
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse
from vault.oauth import refresh_tokens
from vault.services import delete_credential, rotate_credential, store_credential
from vault.testing import try_credential

BASIC, KEY, OAUTH, MAIL = "kind == 'basic'", "kind == 'api_key'", "kind == 'oauth2'", "['smtp', 'imap'].includes(provider)"
SECRET_FIELDS = (
    *("api_key", ("username", "password"), ("client_id", "client_secret"), ("access_token", "refresh_token")),
    *("base_url", ("host", "port", "security"), "more"),
)


class GrantInline(TabularInline):
    """Who may use the credential."""

    model = CredentialGrant
    tab = True
    extra = 0
    fields = ("role", "bot", "expires_at")
    autocomplete_fields = ("bot",)
    verbose_name_plural = _("who may use it")


class VersionInline(TabularInline):
    """The versions of the secret: when it was replaced and by whom."""

    model = CredentialSecret
    tab = True
    extra = 0
    fields = ("version", "state", "created_by", "created_at", "access_expires_at", "refresh_expires_at")
    readonly_fields = fields
    can_delete = False
    verbose_name_plural = _("versions")

    @display(description=_("state"))
    def state(self, secret: CredentialSecret) -> str:
        """Show whether the secret is still there."""
        return gettext("Wiped") if secret.ciphertext is None else gettext("In use")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the versions with their authors."""
        return super().get_queryset(request).select_related("created_by")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who sees the credential sees when it was replaced."""
        return request.user.has_perm("vault.view_credential")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A version comes with a new secret."""
        return False


@admin.register(Credential)
class CredentialAdmin(TenantAdmin):
    """What opens the services outside."""

    form = CredentialForm
    list_display = ("label", "service", "ends_with", "version", "expiry", "is_active", "last_used")
    list_filter = ("provider", "kind", "is_active")
    search_fields = ("label", "destination")
    ordering = ("label",)
    export_fields = (
        *("provider", "kind", "label", "hint", "destination", "version", "is_active", "expires_at", "created_by"),
        *("created_at", "updated_at"),
    )
    inlines = (GrantInline, VersionInline)
    conditional_fields = {
        **dict.fromkeys(("username", "password"), BASIC),
        **dict.fromkeys(("client_id", "client_secret", "access_token", "refresh_token"), OAUTH),
        **dict.fromkeys(("host", "port", "security"), MAIL),
        "api_key": KEY,
        "base_url": "!['smtp', 'imap', 'custom'].includes(provider)",
    }
    actions = ("deactivate", "export")
    actions_detail = ("test", "refresh_now")
    empty_message = _("A key or password that bots and jobs use at another service. Once stored, nobody reads it here.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Return the credentials with their last use, and whether they sign events."""
        return super().get_queryset(request).with_last_use().with_signing()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may; the secret of an event destination is replaced there only."""
        signs = isinstance(obj, Credential) and obj.signs_events  # actions are asked with an id
        return super().has_change_permission(request, obj) and not signs

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> Any:
        """Grants and versions come once there is a credential."""
        return self.inlines if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask what it is and for the secret; show what is known of a stored one."""
        asked: list[Any] = [
            (None, {"fields": (("provider", "kind"), ("label", "is_active"), ("expires_at", "person"), "allowed_hosts")}),
            (_("Secret"), {"fields": SECRET_FIELDS, "description": KEEP if obj else ""}),
            (_("Model, and notes for programs"), {"fields": ("metadata",)}),
        ]
        known = (
            ("ends_with", "version_now"),
            ("destination", "refresh"),
            "used_by",
            "last_uses",
            ("created_by", "created_at"),
        )
        if not self.has_change_permission(request, obj):
            asked = asked[:1]
        return [*asked, (_("What is known of it"), {"fields": known})] if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What the product notes is only read."""
        noted = ("ends_with", "version_now", "destination", "refresh", "used_by", "last_uses", "created_by", "created_at")
        return noted if obj else ()

    @display(description=_("service"), ordering="provider")
    def service(self, credential: Any) -> str:
        """Show the service and the kind of secret, or that it signs what an event destination is sent."""
        if credential.signs or credential.signed:
            return gettext("Signing secret") if credential.signs else gettext("Signing secret before")
        return f"{credential.get_provider_display()} · {credential.get_kind_display()}"

    @display(description=_("ends with"))
    def ends_with(self, credential: Credential) -> str:
        """Show what may be known of the secret."""
        return f"…{credential.hint}" if credential.hint else "–"

    @display(description=_("version"))
    def version_now(self, credential: Credential) -> str:
        """Show the version, and whether there was a later one before."""
        if (last := credential.last_version()) == credential.version:
            return str(last)
        said = gettext("%(now)s. Put back from an old copy: there was a version %(last)s. Store the secret anew.")
        return said % {"now": credential.version, "last": last}

    @display(
        description=_("expires"),
        ordering="expires_at",
        label={"expired": "danger", "soon": "warning", "later": "info", "never": "success"},
    )
    def expiry(self, credential: Credential) -> tuple[str, str]:
        """Show whether somebody has to renew it."""
        state = credential.expiry_state(warning_days=Setting.effective("credential_expiry_warning_days"))
        names = {
            "expired": gettext("Expired"),
            "soon": gettext("Soon"),
            "later": gettext("Later"),
            "never": gettext("Never"),
        }
        return state, names[state]

    @display(description=_("last used"), ordering="last_used_at")
    def last_used(self, credential: Any) -> Any:
        """Show when it was last used."""
        return credential.last_used_at

    @display(description=_("refresh of tokens"))
    def refresh(self, credential: Credential) -> str:
        """Show how the last refresh ended."""
        state = credential.get_refresh_state_display()
        return f"{state}: {told(credential.refresh_error)}" if credential.refresh_error else state

    @display(description=_("used by"))
    def used_by(self, credential: Credential) -> str:
        """Show what points at it, and so keeps it from being deleted."""
        found = [(self._where(row),) for row in credential.references()]
        return format_html_join(", ", "{}", found) or gettext("Nothing: it can be deleted.")

    def _where(self, row: Any) -> str:
        name = f"{row._meta.verbose_name}: {row}"
        try:
            address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
        except NoReverseMatch:
            return name
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, name)

    @display(description=_("last uses"))
    def last_uses(self, credential: Credential) -> str:
        """Link to every use."""
        used = CredentialUse.objects.filter(credential_id=credential.pk, outcome=CredentialUse.Outcome.USED)
        count = used[:1000].count()
        address = f"{reverse('admin:vault_credentialuse_changelist')}?credential_id={credential.pk}"
        said = gettext("1,000 uses or more") if count == 1000 else gettext("%(count)s uses") % {"count": count}
        return format_html('<a class="{}" href="{}">{}</a>', LINK, address, said) if count else gettext("Never used")

    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show or save the form; what was typed stays out of error reports."""
        return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Credential, form: ModelForm, change: bool) -> None:
        """Store a new credential, or save what was changed and put a new secret in the place of the old."""
        secret: dict[str, Any] | None = form.new_secret  # type: ignore[attr-defined]
        if change:
            super().save_model(request, obj, form, change)
            if secret:
                rotate_credential(obj, secret=secret, created_by=request.user)  # type: ignore[arg-type]
                messages.info(request, gettext("The new secret is stored; the old one is wiped."))
            return
        names = ("provider", "kind", "label", "is_active", "expires_at", "person", "allowed_hosts", "metadata")
        values = {name: form.cleaned_data[name] for name in names if name in form.cleaned_data}
        made = store_credential(**values, secret=secret or {}, created_by=request.user)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Credential) -> None:
        """Delete it, unless something uses it."""
        delete_credential(obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """Leave out "delete selected": each is asked who uses it."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    @admin.action(description=_("Deactivate the chosen ones"), permissions=["change"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Let nothing use them until somebody activates them again."""
        chosen = list(queryset.values_list("pk", flat=True))
        changed = Credential.objects.filter(
            pk__in=chosen, is_active=True, event_destinations=None, event_destinations_before=None
        )
        messages.warning(
            request, gettext("%(count)s credentials are used no more.") % {"count": changed.update(is_active=False)}
        )

    @action(description=_("Test it"), icon="network_check", permissions=["change"])
    @asks_who
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the service whether the secret opens it."""
        found = try_credential(Credential.objects.get(pk=object_id))
        level = {True: messages.SUCCESS, False: messages.ERROR, None: messages.INFO}[found.ok]
        messages.add_message(request, level, f"{found.detail} ({found.latency_ms} ms)")
        return redirect("admin:vault_credential_change", object_id)

    @action(description=_("Refresh its tokens"), icon="autorenew", permissions=["change"])
    @asks_who
    def refresh_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Bring new OAuth 2 tokens, also after a refresh of which nobody knows how it ended."""
        refresh_tokens(Credential.objects.get(pk=object_id), decided=True)
        messages.success(request, gettext("The new tokens are stored."))
        return redirect("admin:vault_credential_change", object_id)


@admin.register(CredentialUse)
class CredentialUseAdmin(LedgerAdmin):
    """Every use of a secret, and every refused one."""

    list_display = ("created_at", "label", "version", "how", "reason", "actor_kind", "actor_id", "bot_id", "run")
    list_filter = ("outcome", "actor_kind", "is_platform")
    search_fields = ("label", "why")
    ordering = ("-id",)
    link_filters = ("credential_id",)
    fields = (
        *(
            "label",
            "credential_id",
            "version",
            "outcome",
            "is_platform",
            "reason",
            "actor_kind",
            "actor_id",
            "bot_id",
            "run",
        ),
        "created_at",
    )
    empty_message = _("Whenever a bot or a job uses a secret, it is written here: who, when, why and for which run.")

    @display(description=_("why"), ordering="why")
    def reason(self, use: CredentialUse) -> str:
        """Show why."""
        return use.reason

    @display(
        description=_("outcome"), ordering="outcome", label={"used": "success", "refused": "danger", "limited": "danger"}
    )
    def how(self, use: CredentialUse) -> tuple[str, str]:
        """Show whether the secret was given."""
        return use.outcome, use.get_outcome_display()
