"""The cast: two businesses with a person of every role and an API key, an outsider, and a client that speaks JSON.

Nothing here opens a scope for a test: who reads rows says so by ``with in_tenant(saigon.tenant):``.
"""

import copy
import gc
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.template import Context, Template
from django.test import Client, TransactionTestCase, client
from django.test.utils import ContextList
from django.urls import get_resolver
from django.utils import translation
from hypothesis import HealthCheck, settings

from config.environment import networks
from tenants.models import PLATFORM_ID, Membership, Tenant, User, new_ids
from tenants.models import settings as tenant_settings
from tenants.roles import Role
from tenants.scope import platform_scope, tenant_scope
from tenants.services import create_tenant, issue_api_key, issue_tokens
from tests import migrated

PASSWORD = "correct horse battery"

in_tenant = tenant_scope


def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis try a tenth of its examples where the slow tests are left out.

    How long an example takes says how busy the machine is, not whether the code is right: there is no deadline.
    """
    examples = 10 if config.getoption("markexpr") == "not slow" else 100
    any_machine = settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("any machine", any_machine)
    settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests over sample files where no folder has them."""
    if os.environ.get("BACKROOM_TEST_DATA"):
        return
    without = [item for item in items if item.get_closest_marker("sample_data")]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in without]


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among what was imported: that took a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(autouse=True)
def _in_english() -> None:
    """Begin each test in English: a request before may have left another language behind, as in any thread."""
    translation.activate("en")


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    """Begin each test with an empty cache: the tenants of the cast are the same in all tests."""
    cache.clear()


@pytest.fixture(autouse=True)
def _settings_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test read the settings once: queries are counted, and a busy machine may be slower than they are kept."""
    monkeypatch.setattr(tenant_settings, "REMEMBERED", 3600.0)
    tenant_settings._remembered.clear()


@dataclass
class Business:
    """A tenant and who works there."""

    tenant: Tenant
    owner: User
    admin: User
    operator: User
    analyst: User
    key: str
    tokens: dict[Any, str] = field(default_factory=dict)

    def copied(self) -> "Business":
        """Return it with rows of its own: what a test does to them another must not see."""
        rows = (self.tenant, self.owner, self.admin, self.operator, self.analyst)
        return Business(*map(copy.copy, rows), key=self.key)

    def token(self, user: User) -> str:
        """Return the person's access token for this business."""
        if user.pk not in self.tokens:
            with in_tenant(self.tenant):
                membership = Membership.objects.select_related("user").get(user=user)
            self.tokens[user.pk] = str(issue_tokens(membership).access_token)
        return self.tokens[user.pk]


class ApiClient:
    """Django's test client under ``/api/v1/``, with a bearer token and JSON bodies."""

    def __init__(self, token: str | None = None) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, params: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
        """GET; ``If_None_Match="…"`` and the like become headers."""
        return self.client.get(_full(path), params or {}, headers=self._headers(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """POST JSON; bytes are sent as they are."""
        return self._send("post", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """PATCH JSON."""
        return self._send("patch", path, body, headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        """DELETE."""
        return self.client.delete(_full(path), headers=self._headers(headers))

    def upload(self, path: str, data: dict[str, Any], **headers: str) -> HttpResponse:
        """POST a multipart form."""
        return self.client.post(_full(path), data, headers=self._headers(headers))

    def send(self, method: str, path: str, **headers: str) -> HttpResponse:
        """Send any other method."""
        return self.client.generic(method, _full(path), headers=self._headers(headers))

    def _send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> HttpResponse:
        data = {} if body is None else body
        content_type = headers.pop("Content_Type", "application/json")
        send = getattr(self.client, method)
        return send(_full(path), data, content_type=content_type, headers=self._headers(headers))

    def _headers(self, extra: dict[str, str]) -> dict[str, str]:
        return {**self.headers, **{name.replace("_", "-"): value for name, value in extra.items()}}


def _full(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/v1/{path}"


def _staff(slug: str, password: str) -> dict[str, User]:
    """Make a person of every role but the owner."""
    roles = Role.values[1:]
    people = {
        role: User(id=pk, email=f"{role}@{slug}.example", password=password)
        for pk, role in zip(new_ids(len(roles)), roles, strict=True)
    }
    User.objects.bulk_create(people.values())
    Membership.objects.bulk_create(Membership(user=user, role=role) for role, user in people.items())
    return people


@pytest.fixture(scope="session")
def hashed_password() -> str:
    """Hash ``PASSWORD`` once a session."""
    return make_password(PASSWORD)


def make_business(slug: str, hashed_password: str) -> Business:
    """Make a tenant with a person of every role and an API key."""
    made = create_tenant(slug=slug, name=slug.title(), owner_email=f"owner@{slug}.example", password=PASSWORD)
    with in_tenant(made.tenant):
        staff = _staff(slug, hashed_password)
        _row, key = issue_api_key(name="tests")
    return Business(tenant=made.tenant, owner=made.owner, key=key, **staff)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Let the test database be a copy of the migrated one that an earlier run has left, if there is one."""
    connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get("TEST_TEMPLATE")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any, hashed_password: str) -> dict[str, Business]:
    """Make the two businesses right after the tables, once: making them for each test took a fifth of all time.

    The addresses are loaded in no scope, as `config/wsgi.py` does: views keep querysets.
    """
    _ = get_resolver().url_patterns
    if sockets := os.environ.get("TEST_SOCKETS"):
        migrated.keep(sockets, connection.settings_dict["NAME"])
    with django_db_blocker.unblock():
        return {slug: make_business(slug, hashed_password) for slug in ("saigon", "harbour")}


@pytest.fixture(scope="session", autouse=True)
def _emptied_quickly() -> None:
    """Empty the tables after a test that commits by `migrated.empty`: Django's way took a second each time."""
    if sockets := os.environ.get("TEST_SOCKETS"):

        def empty(_test: TransactionTestCase) -> None:
            migrated.empty(sockets, connection.settings_dict["NAME"])

        TransactionTestCase._fixture_teardown = empty  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def _contexts_of_pages_only() -> None:
    """Keep for `response.context` what a page was rendered with, without a copy for each of the hundred parts of it."""

    def keep(store: dict[str, Any], template: Template, context: Context, **_signal: Any) -> None:
        if context.template is template:
            store.setdefault("templates", []).append(template)
            store.setdefault("context", ContextList()).append(copy.copy(context))

    client.store_rendered_templates = keep


@pytest.fixture
def business(db: None, hashed_password: str) -> Callable[[str], Business]:
    """Return what makes one more business, of the given slug."""
    return lambda slug: make_business(slug, hashed_password)


@pytest.fixture
def cast(django_db_setup: dict[str, Business], business: Callable[[str], Business]) -> Callable[[str], Business]:
    """Return what gives a test its own copy of one of the two businesses.

    A test that commits ends by emptying every table; it is the only kind that sees no transaction around it, and
    pytest-django runs that kind last.
    """

    def give(slug: str) -> Business:
        if connection.in_atomic_block or _is_there(slug):
            return django_db_setup[slug].copied()
        platform_again()
        return business(slug)

    return give


def _is_there(slug: str) -> bool:
    with platform_scope(reason="is the cast still there"):
        return Tenant.objects.filter(slug=slug).exists()


def platform_again() -> None:
    """Bring the tenant ``platform`` back: a test that commits ends by emptying every table."""
    with in_tenant(PLATFORM_ID):
        Tenant.objects.get_or_create(pk=PLATFORM_ID, defaults={"slug": "platform", "name": "Platform"})


@pytest.fixture
def saigon(cast: Callable[[str], Business]) -> Business:
    """Return the business most tests look from."""
    return cast("saigon")


@pytest.fixture
def harbour(cast: Callable[[str], Business]) -> Business:
    """Return the other one."""
    return cast("harbour")


@pytest.fixture
def outsider(db: None, hashed_password: str) -> User:
    """Return a person who belongs to no tenant."""
    with platform_scope(reason="test set-up"):
        return User.objects.create(email="outsider@nowhere.example", password=hashed_password)


@pytest.fixture
def root(db: None, hashed_password: str) -> User:
    """Return a member of the platform staff."""
    with platform_scope(reason="test set-up"):
        return User.objects.create(email="root@backroom.example", password=hashed_password, is_superuser=True)


@pytest.fixture
def loopback_allowed(settings: Any) -> None:
    """Let calls to the outside reach the servers of ``tests/outside.py``."""
    settings.OUTBOUND_ALLOW = networks("127.0.0.0/8,::1")


@pytest.fixture
def api() -> Callable[..., ApiClient]:
    """Return the client factory: ``api()`` anonymous, ``api(saigon.key)``, ``api(saigon, saigon.operator)``."""

    def of(who: Business | str | None = None, person: User | None = None) -> ApiClient:
        if isinstance(who, Business):
            return ApiClient(who.token(person) if person else who.key)
        return ApiClient(who)

    return of
