"""What each role may do: the one table that admin, API and API keys all read.

A permission is Django's ``app.verb_model``. A key of the table is ``app`` or ``app.model``; the longer key wins.
Platform staff (superusers) pass every check, inside whichever tenant they have entered.
"""

from functools import cache

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """The roles of a membership (n8n's role)."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    OPERATOR = "operator", _("Operator")
    ANALYST = "analyst", _("Analyst")


VIEW = frozenset({"view"})
EDIT = frozenset({"view", "add", "change", "delete"})
NONE: frozenset[str] = frozenset()

#                    owner  admin  operator analyst
ROLE_TABLE: dict[str, tuple[frozenset[str], frozenset[str], frozenset[str], frozenset[str]]] = {
    "tenants": (EDIT, EDIT, VIEW, VIEW),
    "tenants.tenant": (VIEW | {"change"}, VIEW | {"change"}, VIEW, VIEW),
    "tenants.user": (VIEW, VIEW, NONE, NONE),
    "tenants.apikey": (EDIT, EDIT, NONE, NONE),
    "tenants.logintoken": (EDIT, EDIT, NONE, NONE),
    "tenants.loginfailure": (NONE, NONE, NONE, NONE),
    "tenants.authidentity": (NONE, NONE, NONE, NONE),
    "tenants.auditentry": (VIEW, VIEW, NONE, NONE),
    "tenants.auditseal": (NONE, NONE, NONE, NONE),
    "tenants.event": (VIEW, VIEW, VIEW, VIEW),
    "tenants.taskrun": (VIEW, VIEW, VIEW, VIEW),
    "tenants.retentionsweep": (VIEW, VIEW, NONE, NONE),
    "tenants.tenantdeletion": (NONE, NONE, NONE, NONE),
    "tenants.tenantexport": (NONE, NONE, NONE, NONE),
    "tenants.userpreference": (NONE, NONE, NONE, NONE),
    "tenants.idempotencykey": (NONE, NONE, NONE, NONE),
    "vault": (EDIT, EDIT, NONE, NONE),
    "vault.credentialsecret": (NONE, NONE, NONE, NONE),
    "vault.credentialuse": (VIEW, VIEW, NONE, NONE),
    "vault.masterkey": (NONE, NONE, NONE, NONE),
    "vault.tenantkey": (NONE, NONE, NONE, NONE),
    "vault.budget": (EDIT, EDIT, VIEW, VIEW),
    "vault.budgetperiod": (NONE, NONE, NONE, NONE),
    "vault.modelprice": (VIEW, VIEW, VIEW, VIEW),
    "vault.usageentry": (VIEW, VIEW, VIEW, VIEW),
    "catalog": (EDIT, EDIT, EDIT, VIEW),
    "catalog.knowledgedomain": (VIEW, VIEW, VIEW, VIEW),
    "catalog.attributedefinition": (VIEW, VIEW, VIEW, VIEW),
    "catalog.erasure": (VIEW | {"add"}, VIEW | {"add"}, NONE, NONE),
    "catalog.ordercounter": (NONE, NONE, NONE, NONE),
    "bots": (EDIT, EDIT, EDIT, VIEW),
    "bots.capability": (VIEW, VIEW, VIEW, VIEW),
    "runtime": (EDIT, EDIT, EDIT, VIEW),
    "reports": (EDIT, EDIT, EDIT, VIEW),
    "reports.errorlog": (NONE, NONE, NONE, NONE),
    "reports.healthcheck": (VIEW, VIEW, NONE, NONE),
    "reports.healthsample": (NONE, NONE, NONE, NONE),
    "reports.dailymetric": (VIEW, VIEW, VIEW, VIEW),
    "reports.metricmark": (NONE, NONE, NONE, NONE),
    "reports.insightsubscription": (EDIT, EDIT, VIEW, VIEW),
    "reports.insightoptout": (EDIT, EDIT, VIEW, VIEW),
    "reports.emailcontent": (NONE, NONE, NONE, NONE),
    "reports.mailbox": (EDIT, EDIT, VIEW, VIEW),
    "reports.mailsync": (VIEW | {"change"}, VIEW | {"change"}, VIEW, VIEW),
    "reports.mailfolder": (VIEW, VIEW, VIEW, VIEW),
    "reports.mailmessage": (VIEW, VIEW, VIEW, VIEW),
    "reports.mailattachment": (VIEW, VIEW, VIEW, VIEW),
}


def role_allows(role: str, app_label: str, verb: str, model_name: str) -> bool:
    """Whether ``role`` may do ``verb`` (view, add, change, delete) to rows of ``app_label.model_name``."""
    row = ROLE_TABLE.get(f"{app_label}.{model_name}") or ROLE_TABLE.get(app_label)
    return row is not None and verb in row[list(Role.values).index(role)]


@cache
def role_permissions(role: str) -> frozenset[str]:
    """Return every ``app.verb_model`` that ``role`` holds."""
    return frozenset(
        f"{model._meta.app_label}.{verb}_{model._meta.model_name}"
        for model in apps.get_models()
        for verb in EDIT
        if role_allows(role, model._meta.app_label, verb, model._meta.model_name or "")
    )
