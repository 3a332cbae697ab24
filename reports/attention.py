"""What asks for attention on the home page: secrets that end, budgets that run out, receivers and mail servers that are gone.

At most four queries.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from reports.models import MailSync
from vault.expiry import expiring_credentials
from vault.models import Budget, Credential, EventDestination

MOST = 5
"""Lines of one kind; the list of the page they lead to has the others."""


@dataclass(frozen=True)
class Warned:
    """One line, and where to look after it."""

    text: str
    url: str
    icon: str
    urgent: bool


def warnings(request: HttpRequest) -> list[Warned]:
    """Return what the person who looks may do something about, the most urgent first."""
    found = _credentials() if request.user.has_perm("vault.view_credential") else []
    found += _budgets() if request.user.has_perm("vault.view_budget") else []
    found += _destinations() if request.user.has_perm("vault.view_eventdestination") else []
    found += _mailboxes() if request.user.has_perm("reports.change_mailbox") else []
    return sorted(found, key=lambda warned: not warned.urgent)


def _credentials() -> list[Warned]:
    now = timezone.now()
    return [_expiring(credential, ended=credential.expires_at <= now) for credential in expiring_credentials()[:MOST]]


def _expiring(credential: Credential, *, ended: bool) -> Warned:
    assert credential.expires_at is not None
    day = formats.date_format(timezone.localtime(credential.expires_at), "DATE_FORMAT")
    said = _("“%(label)s” has expired on %(day)s.") if ended else _("“%(label)s” expires on %(day)s.")
    url = reverse("admin:vault_credential_change", args=[credential.pk])
    return Warned(said % {"label": credential.label, "day": day}, url, "key", ended)


def _budgets() -> list[Warned]:
    active = Budget.objects.filter(is_active=True).select_related("bot").with_spending()
    used = [(budget, _percent(budget)) for budget in active]
    over = [(budget, percent) for budget, percent in used if budget.thresholds and percent >= min(budget.thresholds)]
    return [_running_out(budget, percent) for budget, percent in sorted(over, key=lambda pair: -pair[1])[:MOST]]


def _percent(budget: Budget) -> int:
    spent: Decimal = budget.spent + budget.reserved  # type: ignore[attr-defined] # annotated
    return int(spent * 100 / budget.limit_amount) if budget.limit_amount else 100


def _running_out(budget: Budget, percent: int) -> Warned:
    said = _("The budget “%(budget)s” is used up to %(percent)s %%.") % {"budget": budget, "percent": percent}
    return Warned(said, reverse("admin:vault_budget_change", args=[budget.pk]), "savings", percent >= 100)


def _mailboxes() -> list[Warned]:
    return [
        _not_read(row) for row in MailSync.objects.select_related("mailbox").exclude(last_error="")[:MOST] if row.problem
    ]


def _not_read(row: MailSync) -> Warned:
    said = _("The mail of %(address)s is not read: %(reason)s") % {"address": row.mailbox.address, "reason": row.problem}
    return Warned(said, reverse("admin:reports_mailbox_change", args=[row.mailbox_id]), "mark_email_unread", True)


def _destinations() -> list[Warned]:
    return [_switched_off(gone) for gone in EventDestination.objects.exclude(disabled_at=None)[:MOST]]


def _switched_off(destination: EventDestination) -> Warned:
    told = {"name": destination.name, "reason": destination.disabled_reason}
    said = _("Events no longer go to “%(name)s”: %(reason)s") % told
    return Warned(said, reverse("admin:vault_eventdestination_change", args=[destination.pk]), "webhook", True)
