"""Every route of the API, tried by everybody: nobody, another tenant, each role, and a bot's key.

The routes come from the generated schema; one without an entry here fails the build. What a role may do is not
repeated from ``tenants/roles.py``: EXPECTED says it once more, in the words of the promise.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator

from bots.models import (
    Bot,
    BotMemory,
    BotSetting,
    BotVersion,
    KnowledgeChunk,
)
from catalog.models import (
    ImportRow,
)
from reports.models import ReportRow
from runtime.models import (
    ScheduleOccurrence,
    Turn,
)
from tenants.models import LoginToken
from tenants.scope import current_tenant_id
from tenants.services import issue_api_key
from tests.conftest import Business, in_tenant
from tests.routes import ACTORS, BODIES, CHILDREN, ELSEWHERE, EXPECTED, NO_LISTS, OWNED, ROUTES
from tests.rows import ROWS, code, make_row

pytestmark = pytest.mark.django_db


@lru_cache
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
    if resource in ("attribute-definitions", "capabilities", "domains", "health-checks", "model-prices"):
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
    if resource == "reports" and rest[1:2] == ["data"]:
        row = make_row(ReportRow)
        return row, {"report": row.report_id, "id": row.pk}
    if resource == "documents" and rest[1:2] == ["chunks"]:
        row = make_row(KnowledgeChunk)
        return row, {"document": row.document_id, "id": row.pk}
    if resource == "schedules" and rest[1:2] == ["occurrences"]:
        row = make_row(ScheduleOccurrence)
        return row, {"schedule": row.schedule_id, "id": row.pk}
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


@contextmanager
def taken_back() -> Iterator[None]:
    """Take back what is written meanwhile, in the database and in the cache."""
    before = transaction.savepoint()  # atomic() would be an open transaction to the request
    yield
    transaction.savepoint_rollback(before)
    cache.clear()


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
    url, row = address(path, saigon)
    for method, needs in operations(path):
        for actor in EXPECTED[needs]:
            client = client_of(actor, api, saigon, row)
            with taken_back():  # each actor finds the row as it was made
                status = call(client, method, url)
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
