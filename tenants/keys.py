"""What an API key may do: all an owner may, less what its scopes leave out, and far less when it is bound to a bot.

A scope is ``name:read`` or ``name:write`` (which reads as well). The name is a resource group of the API (``offerings``),
one model (``variant``), or ``*``.
"""

from collections.abc import Iterable, Sequence

from tenants.models import ApiKey
from tenants.roles import EDIT, NONE, VIEW, Role, role_permissions

SCOPE_GROUPS: dict[str, frozenset[str]] = {
    "analytics": frozenset({"dailymetric"}),
    "api-keys": frozenset({"apikey"}),
    "audit": frozenset({"auditentry"}),
    "bots": frozenset({"bot", "botversion", "botversioncapability", "botsetting", "capability"}),
    "budgets": frozenset({"budget"}),
    "channels": frozenset({"saleschannel"}),
    "credentials": frozenset({"credential", "credentialgrant", "credentialuse"}),
    "customers": frozenset({"customer", "customeridentity", "customermerge"}),
    "emails": frozenset({"emailmessage", "emailattachment", "emaildelivery", "emailtemplate"}),
    "event-destinations": frozenset({"eventdestination", "eventdelivery"}),
    "domains": frozenset({"knowledgedomain", "attributedefinition"}),
    "escalations": frozenset({"escalation"}),
    "events": frozenset({"event"}),
    "faqs": frozenset({"faq"}),
    "guardrails": frozenset({"guardrail"}),
    "health": frozenset({"healthcheck"}),
    "insights": frozenset({"insight", "insightdelivery", "insightsubscription", "insightoptout"}),
    "intents": frozenset({"intent", "intentexample"}),
    "imports": frozenset({"importjob", "importmapping", "importrow", "storedfile"}),
    "knowledge": frozenset({"knowledgecollection", "knowledgedocument", "knowledgechunk"}),
    "knowledge-gaps": frozenset({"knowledgegap"}),
    "mailboxes": frozenset({"mailbox", "mailfolder", "mailmessage", "mailattachment", "mailsync"}),
    "memories": frozenset({"botmemory"}),
    "members": frozenset({"membership", "logintoken", "user"}),
    "offerings": frozenset({"offering", "offeringversion", "attributevalue", "offeringimage", "variant"}),
    "orders": frozenset(
        {"order", "orderline", "orderreturn", "orderreturnline", "orderentry", "stockreservation", "stockallocation"}
    ),
    "prices": frozenset({"variantprice", "pricelist", "pricechange"}),
    "reports": frozenset({"report", "reportrow", "insight", "dailymetric"}),
    "schedules": frozenset({"schedule", "scheduleoccurrence"}),
    "sessions": frozenset(
        {"session", "sessionscope", "turn", "contextslot", "decisionevent", "actionexecution", "rating", "uievent"}
    ),
    "settings": frozenset({"setting"}),
    "stock": frozenset({"inventoryitem", "inventorylocation", "stockmovement", "stockreservation", "stockallocation"}),
    "task-runs": frozenset({"taskrun"}),
    "tenant": frozenset({"tenant"}),
    "tools": frozenset({"tool"}),
    "usage": frozenset({"usageentry", "modelprice"}),
}
"""The names of scopes beside those of single models (``docs/tenants.md`` tells what each opens)."""

BOT_KEY_TABLE: dict[str, frozenset[str]] = {
    "tenants.tenant": VIEW,
    "catalog": VIEW,
    "catalog.customer": NONE,
    "catalog.customeridentity": NONE,
    "catalog.customermerge": NONE,
    "catalog.erasure": NONE,
    "catalog.order": NONE,
    "catalog.ordercounter": NONE,
    "catalog.orderentry": NONE,
    "catalog.orderline": NONE,
    "catalog.orderreturn": NONE,
    "catalog.orderreturnline": NONE,
    "catalog.stockallocation": NONE,
    "catalog.stockreservation": NONE,
    "catalog.importjob": NONE,
    "catalog.importmapping": NONE,
    "catalog.importrow": NONE,
    "bots": VIEW,
    "bots.guardrail": NONE,
    "bots.botmemory": EDIT,
    "runtime": frozenset({"view", "add", "change"}),
    "runtime.escalation": frozenset({"view", "add"}),  # a bot asks for a person and is none
    "runtime.knowledgegap": frozenset({"view", "add"}),
    "runtime.schedule": NONE,
    "runtime.scheduleoccurrence": NONE,
}
"""The most a key bound to a bot may do: talk, log, and read what is sold. No keys: it could make itself an unbound one."""


def key_permissions(key: ApiKey) -> frozenset[str]:
    """Return every ``app.verb_model`` the key holds."""
    most = role_permissions(Role.OWNER)
    if key.bot_id:
        most = frozenset(perm for perm in most if _bot_key_may(perm))
    return frozenset(perm for perm in most if _any_covers(key.scopes, perm)) if key.scopes else most


def unknown_scopes(scopes: Sequence[str]) -> list[str]:
    """Return the scopes that open nothing: a misspelt one would make a key that is narrower than it looks."""
    owner = role_permissions(Role.OWNER)
    return [scope for scope in scopes if not any(_any_covers([scope], perm) for perm in owner)]


def _bot_key_may(perm: str) -> bool:
    app, verb, model = _parts(perm)
    return verb in BOT_KEY_TABLE.get(f"{app}.{model}", BOT_KEY_TABLE.get(app, NONE))


def _any_covers(scopes: Iterable[str], perm: str) -> bool:
    _app, verb, model = _parts(perm)
    return any(_covers(scope, verb, model) for scope in scopes)


def _covers(scope: str, verb: str, model: str) -> bool:
    name, _, access = scope.partition(":")
    allowed = access == "write" or (access == "read" and verb == "view")
    return allowed and (name in ("*", model) or model in SCOPE_GROUPS.get(name, ()))


def _parts(perm: str) -> tuple[str, str, str]:
    """Split ``catalog.view_variant``."""
    app, _, rest = perm.partition(".")
    verb, _, model = rest.partition("_")
    return app, verb, model
