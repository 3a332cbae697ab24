"""Every route of the API, tried by everybody: nobody, another tenant, each role, and a bot's key.

The routes come from the generated schema; one without an entry here fails the build. What a role may do is not
repeated from ``tenants/roles.py``: EXPECTED says it once more, in the words of the promise.
"""

import re
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from bots.models import (
    Bot,
    BotMemory,
    BotSetting,
    BotVersion,
    Faq,
    Guardrail,
    Intent,
    KnowledgeChunk,
    KnowledgeCollection,
    KnowledgeDocument,
    Tool,
)
from catalog.models import (
    Customer,
    ImportJob,
    ImportMapping,
    ImportRow,
    InventoryItem,
    InventoryLocation,
    Offering,
    Order,
    PriceChange,
    PriceList,
    SalesChannel,
    SearchSynonym,
    StockMovement,
    StockReservation,
    Variant,
    VariantPrice,
)
from runtime.models import (
    ActionExecution,
    ContextSlot,
    DecisionEvent,
    Escalation,
    KnowledgeGap,
    Rating,
    SemanticCacheEntry,
    Session,
    Turn,
    UiEvent,
)
from tenants.models import ApiKey, AuditEntry, Event, LoginToken, Membership
from tenants.scope import current_tenant_id
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant
from tests.rows import ROWS, code, make_row
from vault.models import Budget, Credential, CredentialGrant, CredentialUse, EventDelivery, EventDestination, UsageEntry

pytestmark = pytest.mark.django_db

READ, TALK, STAFF, WORK, MANAGE = "read", "talk", "staff", "work", "manage"
"""Everybody of the tenant; who converses; the people; who runs the shop; who runs the tenant."""

EXPECTED = {
    READ: {"owner", "operator", "analyst", "bot key"},
    TALK: {"owner", "operator", "bot key"},
    STAFF: {"owner", "operator", "analyst"},
    WORK: {"owner", "operator"},
    MANAGE: {"owner"},
}
ACTORS = ("owner", "operator", "analyst", "bot key")

CRUD = {"get": READ, "post": WORK, "patch": WORK, "delete": WORK}
PRIVATE = {**CRUD, "get": STAFF}
CONNECT = {"get": MANAGE, "post": MANAGE, "patch": MANAGE, "delete": MANAGE}
MEMORIES = {"get": READ, "post": TALK, "patch": TALK, "delete": TALK}
CONVERSE = {"get": READ, "post": TALK}

ROUTES: dict[str, dict[str, str]] = {
    "api-keys/": {"get": MANAGE, "post": MANAGE},
    "api-keys/{id}/": {"get": MANAGE, "patch": MANAGE, "delete": MANAGE},
    "api-keys/{id}/rotate/": {"post": MANAGE},
    "attribute-definitions/": CRUD,
    "attribute-definitions/{id}/": CRUD,
    "audit-entries/": {**CRUD, "get": MANAGE},
    "audit-entries/{id}/": {**CRUD, "get": MANAGE},
    "bots/": CRUD,
    "bots/{code}/": CRUD,
    "bots/{code}/search/": CRUD,
    "bots/{code}/memories/": MEMORIES,
    "bots/{code}/memories/{id}/": MEMORIES,
    "bots/{code}/settings/": CRUD,
    "bots/{code}/settings/export/": CRUD,
    "bots/{code}/settings/import/": CRUD,
    "bots/{code}/settings/{key}/": CRUD,
    "bots/{code}/versions/": CRUD,
    "bots/{code}/versions/{version}/": CRUD,
    "bots/{code}/versions/{version}/activate/": CRUD,
    "bots/{code}/versions/{version}/diff/{other}/": CRUD,
    "budgets/": {**CONNECT, "get": STAFF},
    "budgets/{id}/": {**CONNECT, "get": STAFF},
    "capabilities/": CRUD,
    "capabilities/{id}/": CRUD,
    "collections/": CRUD,
    "collections/{id}/": CRUD,
    "credential-grants/": CONNECT,
    "credential-grants/{id}/": CONNECT,
    "credential-uses/": CONNECT,
    "credential-uses/{id}/": CONNECT,
    "credentials/": CONNECT,
    "credentials/{id}/": CONNECT,
    "credentials/{id}/rotate/": CONNECT,
    "credentials/{id}/test/": CONNECT,
    "customers/": PRIVATE,
    "customers/{id}/": PRIVATE,
    "customers/{id}/history/": PRIVATE,
    "customers/{id}/merge/": PRIVATE,
    "documents/": CRUD,
    "documents/{id}/": CRUD,
    "documents/{id}/reindex/": CRUD,
    "documents/{document}/chunks/": CRUD,
    "documents/{document}/chunks/{id}/": CRUD,
    "domains/": CRUD,
    "domains/{id}/": CRUD,
    "event-deliveries/": CONNECT,
    "event-deliveries/{id}/": CONNECT,
    "event-deliveries/{id}/retry/": CONNECT,
    "event-destinations/": CONNECT,
    "event-destinations/{id}/": CONNECT,
    "event-destinations/{id}/rotate-secret/": CONNECT,
    "event-destinations/{id}/test/": CONNECT,
    "escalations/": {"get": READ},
    "escalations/{id}/": {"get": READ},
    "escalations/{id}/claim/": {"post": WORK},
    "escalations/{id}/put-back/": {"post": WORK},
    "escalations/{id}/reply/": {"post": WORK},
    "escalations/{id}/resolve/": {"post": WORK},
    "events/": PRIVATE,
    "events/{id}/": PRIVATE,
    "facts/": CRUD,
    "offerings/export/": CRUD,
    "guardrails/": PRIVATE,
    "guardrails/{id}/": PRIVATE,
    "guardrails/try/": {"post": STAFF},
    "faqs/": CRUD,
    "faqs/{id}/": CRUD,
    "faqs/bulk/": CRUD,
    "faqs/export/": CRUD,
    "faqs/import/": CRUD,
    "intents/": CRUD,
    "intents/{id}/": CRUD,
    "import-mappings/": PRIVATE,
    "import-mappings/{id}/": PRIVATE,
    "imports/": PRIVATE,
    "imports/{id}/": PRIVATE,
    "imports/{id}/apply/": PRIVATE,
    "imports/{id}/cancel/": PRIVATE,
    "imports/{id}/restage/": PRIVATE,
    "imports/{id}/undo/": PRIVATE,
    "imports/{job}/rows/": PRIVATE,
    "imports/{job}/rows/{id}/": PRIVATE,
    "inventory-items/": CRUD,
    "inventory-items/{id}/": CRUD,
    "inventory-locations/": CRUD,
    "inventory-locations/{id}/": CRUD,
    "knowledge-gaps/": {"get": READ, "post": TALK},
    "knowledge-gaps/{id}/": CRUD,
    "knowledge-gaps/{id}/answer/": {"post": WORK},
    "members/": PRIVATE,
    "members/invitations/": {"get": MANAGE},
    "members/invitations/{id}/": {"get": MANAGE, "delete": MANAGE},
    "members/invitations/{id}/resend/": {"post": MANAGE},
    "members/invite/": {"post": MANAGE},
    "members/leave/": {"post": STAFF},
    "members/{id}/": {"get": STAFF, "patch": MANAGE, "delete": MANAGE},
    "model-prices/": PRIVATE,
    "model-prices/{id}/": PRIVATE,
    "offerings/": CRUD,
    "offerings/search/": CRUD,
    "offerings/{id}/": CRUD,
    "offerings/{id}/archive/": CRUD,
    "offerings/{offering}/versions/": CRUD,
    "offerings/{offering}/versions/{version}/": CRUD,
    "offerings/{offering}/versions/{version}/activate/": CRUD,
    "offerings/{offering}/versions/{version}/cancel-activation/": CRUD,
    "offerings/{offering}/versions/{version}/diff/{other}/": CRUD,
    "orders/": PRIVATE,
    "orders/{id}/": PRIVATE,
    "orders/{id}/cancel/": PRIVATE,
    "orders/{id}/confirm/": PRIVATE,
    "orders/{id}/fulfil/": PRIVATE,
    "orders/{id}/notes/": PRIVATE,
    "orders/{id}/returns/": PRIVATE,
    "price-changes/": CRUD,
    "price-changes/{id}/": CRUD,
    "price-lists/": CRUD,
    "price-lists/{id}/": CRUD,
    "prices/": CRUD,
    "prices/explain/": CRUD,
    "prices/{id}/": CRUD,
    "ratings/": {"get": READ},
    "ratings/{id}/": {"get": READ},
    "sales-channels/": CRUD,
    "sales-channels/{id}/": CRUD,
    "search-synonyms/": CRUD,
    "search-synonyms/{id}/": CRUD,
    "semantic-cache/": CRUD,
    "semantic-cache/{id}/": CRUD,
    "sessions/": CONVERSE,
    "sessions/{id}/": CONVERSE,
    "sessions/{id}/end/": CONVERSE,
    "sessions/{id}/escalate/": CONVERSE,
    "sessions/export/": {"get": READ},
    "sessions/{session}/actions/": CONVERSE,
    "sessions/{session}/actions/{id}/": CONVERSE,
    "sessions/{session}/decisions/": CONVERSE,
    "sessions/{session}/decisions/{id}/": CONVERSE,
    "sessions/{session}/slots/": CONVERSE,
    "sessions/{session}/slots/{id}/": CONVERSE,
    "sessions/{session}/turns/": CONVERSE,
    "sessions/{session}/turns/{id}/": CONVERSE,
    "settings/": {"get": STAFF},
    "settings/{name}/": {"get": STAFF, "patch": MANAGE, "delete": MANAGE},
    "stock-movements/": CRUD,
    "stock-movements/transfer/": CRUD,
    "stock-movements/{id}/": CRUD,
    "stock-reservations/": PRIVATE,
    "stock-reservations/{id}/": PRIVATE,
    "stock-reservations/{id}/release/": PRIVATE,
    "tenant/": {"get": READ, "patch": MANAGE},
    "tools/": CRUD,
    "tools/{id}/": CRUD,
    "tools/{id}/try/": CRUD,
    "turns/{id}/rating/": CONVERSE,
    "ui-events/": CONVERSE,
    "ui-events/{id}/": CONVERSE,
    "usage/": PRIVATE,
    "usage/{id}/": PRIVATE,
    "variants/": CRUD,
    "variants/{id}/": CRUD,
}

ELSEWHERE = {
    "auth/login-link/": "no token is asked for: tests/tenants",
    "auth/login-link/redeem/": "no token is asked for: tests/tenants",
    "auth/token/": "no token is asked for: tests/tenants",
    "auth/token/refresh/": "no token is asked for: tests/tenants",
    "auth/token/revoke/": "no token is asked for: tests/tenants",
    "me/end-sessions/": "people only, and each only the own account: tests/tenants",
    "me/password/": "people only, and each only the own account: tests/tenants",
    "me/preferences/": "people only, and each only the own account: tests/tenants",
    "me/": "people only, and each only the own account: tests/tenants",
}

NO_LISTS = (
    *(
        "settings/",
        "facts/",
        "prices/explain/",
        "offerings/export/",
        "sessions/export/",
        "faqs/bulk/",
        "guardrails/try/",
        "faqs/bulk/",
        "faqs/export/",
        "faqs/import/",
        "members/invite/",
        "members/leave/",
    ),
    *("stock-movements/transfer/", "tenant/"),
)

OWNED = {
    "api-keys": ApiKey,
    "audit-entries": AuditEntry,
    "bots": Bot,
    "credential-grants": CredentialGrant,
    "credential-uses": CredentialUse,
    "credentials": Credential,
    "budgets": Budget,
    "collections": KnowledgeCollection,
    "customers": Customer,
    "escalations": Escalation,
    "documents": KnowledgeDocument,
    "event-deliveries": EventDelivery,
    "event-destinations": EventDestination,
    "events": Event,
    "faqs": Faq,
    "guardrails": Guardrail,
    "import-mappings": ImportMapping,
    "intents": Intent,
    "imports": ImportJob,
    "inventory-items": InventoryItem,
    "inventory-locations": InventoryLocation,
    "knowledge-gaps": KnowledgeGap,
    "members": Membership,
    "offerings": Offering,
    "orders": Order,
    "price-changes": PriceChange,
    "price-lists": PriceList,
    "prices": VariantPrice,
    "ratings": Rating,
    "sales-channels": SalesChannel,
    "search-synonyms": SearchSynonym,
    "semantic-cache": SemanticCacheEntry,
    "sessions": Session,
    "stock-movements": StockMovement,
    "stock-reservations": StockReservation,
    "tools": Tool,
    "ui-events": UiEvent,
    "usage": UsageEntry,
    "variants": Variant,
}
"""Which model's row stands in the address of a resource's details."""

BODIES = {"turns/": {"message": "hello"}}
"""By the end of the path: what a POST must say to be understood before its address is looked up."""

CHILDREN = {"actions": ActionExecution, "decisions": DecisionEvent, "slots": ContextSlot, "turns": Turn}


@cache
def schema_paths() -> dict[str, dict[str, Any]]:
    """Return the paths of the generated schema, without the part they share."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return {path.removeprefix("/api/v1/"): methods for path, methods in paths.items()}


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    assert set(schema_paths()) == set(ROUTES) | set(ELSEWHERE)
    unlisted = [
        (path, method)
        for path, methods in schema_paths().items()
        if path in ROUTES
        for method in methods
        if method in ("get", "post", "patch", "put", "delete") and method not in ROUTES[path]
    ]
    assert unlisted == []


def address(path: str, business: Business) -> tuple[str, Any]:
    """Fill a path with a row of the business; returns it with the row (None for lists)."""
    if "{" not in path:
        return path, None
    resource, *rest = path.split("/")
    with in_tenant(business.tenant):
        row, values = _row_for(resource, rest)
    return re.sub(r"{(\w+)}", lambda found: str(values[found.group(1)]), path), row


def _row_for(resource: str, rest: list[str]) -> tuple[Any, dict[str, Any]]:
    if resource in ("attribute-definitions", "capabilities", "domains", "model-prices"):
        return None, {"id": "00000000-0000-7000-8000-00000000dead"}
    if resource == "turns":
        row = make_row(Turn)
        return row, {"id": row.pk}
    if resource == "settings":  # every tenant has the same
        return None, {"name": "nothing"}
    if resource == "members" and rest[0] == "invitations":
        row = LoginToken.objects.create(
            purpose="invitation", email=f"{code('guest')}@example.com", role="analyst", invited_to_id=current_tenant_id()
        )
        return row, {"id": row.pk}
    if resource == "imports" and rest[1:2] == ["rows"]:
        row = make_row(ImportRow)
        return row, {"job": row.job_id, "id": row.pk}
    if resource == "documents" and rest[1:2] == ["chunks"]:
        row = make_row(KnowledgeChunk)
        return row, {"document": row.document_id, "id": row.pk}
    if child := CHILDREN.get(rest[1] if len(rest) > 1 else ""):
        row = make_row(child)
        return row, {"session": row.session_id, "id": row.pk}
    if resource == "bots" and rest[1:2] in (["memories"], ["settings"]):
        row = make_row(BotMemory if rest[1] == "memories" else BotSetting)
        return row, {"code": row.bot.code, "id": row.pk, "key": row.key}
    if resource == "bots":
        version = make_row(BotVersion)
        return version.bot, {"code": version.bot.code, "version": version.version, "other": version.version}
    row = make_row(OWNED[resource])
    return row, {"id": row.pk, "offering": row.pk, "version": 1, "other": 1}


def call(client: Any, method: str, url: str) -> int:
    send = {"get": client.get, "post": client.post, "patch": client.patch, "delete": client.delete}[method]
    body = next((body for ending, body in BODIES.items() if url.endswith(ending)), {})
    # With a key a POST runs in one transaction: none may need to be outside.
    headers = {"Idempotency_Key": str(uuid4())} if method == "post" else {}
    response = send(url, body, **headers) if method in ("post", "patch") else send(url)
    return int(response.status_code)


def snapshot(row: Any, business: Business) -> Any:
    """Return every column of the row; fails when it is gone."""
    with in_tenant(business.tenant):
        return type(row).objects.filter(pk=row.pk).values().get() if row is not None else None


def client_of(actor: str, api: Any, business: Business, row: Any = None) -> Any:
    """Return the actor's client; the bot of the bot key is the one the row belongs to."""
    if actor != "bot key":
        return api(business, getattr(business, actor))
    with in_tenant(business.tenant):
        bot = row if isinstance(row, Bot) else getattr(getattr(row, "session", row), "bot", None)
        return api(issue_api_key(name="Bot", bot_id=(bot or make_row(Bot)).pk)[1])


all_paths = pytest.mark.parametrize("path", ROUTES)


def operations(path: str) -> list[tuple[str, str]]:
    """Return the methods of a path with what each needs."""
    return [(method, needs) for method, needs in ROUTES[path].items() if method in schema_paths().get(path, {})]


@all_paths
def test_who_may_not_is_refused_and_nothing_changes(api: Any, saigon: Business, harbour: Business, path: str) -> None:
    url, row = address(path, saigon)
    before = snapshot(row, saigon)
    clients = {actor: client_of(actor, api, saigon, row) for actor in ACTORS}
    for method, needs in operations(path):
        assert call(api(), method, url) == 401, method
        refused = {actor: call(clients[actor], method, url) for actor in ACTORS if actor not in EXPECTED[needs]}
        assert set(refused.values()) <= {403}, (method, refused)
        if "{" in path:
            assert call(api(harbour, harbour.owner), method, url) == 404, method
        assert snapshot(row, saigon) == before, method


@all_paths
def test_who_may_gets_in(api: Any, saigon: Business, path: str) -> None:
    for method, needs in operations(path):
        for actor in EXPECTED[needs]:
            url, row = address(path, saigon)
            status = call(client_of(actor, api, saigon, row), method, url)
            assert status < 500, (method, actor, status)
            assert status not in ((401, 403) if row is None else (401, 403, 404)), (method, actor, status)


def lists() -> list[str]:
    return [path for path in ROUTES if "{" not in path and path not in NO_LISTS]


def test_lists_name_nothing_of_another_tenant(api: Any, saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        foreign = {str(make_row(model).pk) for model in ROWS}
        foreign |= {str(pk) for model in ROWS for pk in model.objects.values_list("pk", flat=True)}
    with in_tenant(harbour.tenant):
        own = {str(make_row(model).pk) for model in OWNED.values()}
    client, seen = api(harbour, harbour.owner), ""
    for path in lists():
        answer = client.get(path, {"q": "secret"} if path.endswith("search/") else {"page_size": 200})
        assert answer.status_code == 200
        text = answer.content.decode()
        assert [one for one in foreign if one in text] == [], path
        seen += text
    assert [one for one in own if one not in seen] == []


def test_a_list_joins_nothing_its_answer_does_not_show(api: Any, saigon: Business) -> None:
    client = api(saigon, saigon.owner)
    for path in lists():
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path, {"q": "x"} if path.endswith("search/") else None).status_code == 200
        joins = [query["sql"] for query in asked if re.search('JOIN "tenants_tenant" T[0-9]', query["sql"])]
        assert joins == [], path  # the tenant again and again is what following every key would look like
