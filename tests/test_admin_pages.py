"""Every page of the admin, opened by everybody: each role, another tenant, and platform staff in no tenant.

The pages come from ``admin.site``; a page without an entry here fails the build. Who may do what is said once more,
in the words of the promise, and not read from ``tenants/roles.py``. Lists and forms are tried in every run, the rest
of the crawl (additions, deletions, actions, look-ups, length of lists) is ``slow``.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.contrib.messages import get_messages
from django.db import connection, models
from django.http import HttpResponse
from django.template.response import SimpleTemplateResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern
from django.utils import timezone

from bots.models import Capability
from catalog.models import AttributeDefinition, ImportJob, KnowledgeDomain, Offering, Order
from reports.models import ErrorLog, HealthCheck
from tenants import second_factor
from tenants.admin import PlatformAdmin
from tenants.models import LoginToken, Membership, Tenant, TenantModel, User
from tenants.scope import current_tenant_id, platform_scope
from tenants.services import set_tenant_status
from tests.conftest import Business, in_tenant
from tests.pages import ACTORS, CUSTOM, PAGES
from tests.rows import ROWS, a_domain, code, make_row
from tests.tenants.admin_pages import browser, page, text_of
from tests.tenants.test_second_factor import enrol
from vault.models import ModelPrice

pytestmark = pytest.mark.django_db


def order_stands(order: Order, status: str) -> None:
    with in_tenant(order.tenant_id):
        Order.objects.filter(pk=order.pk).update(status=status)


def job_is(job: ImportJob, **values: Any) -> None:
    with in_tenant(job.tenant_id):
        ImportJob.objects.filter(pk=job.pk).update(**values)


def not_on_sale(offering: Offering) -> None:
    with in_tenant(offering.tenant_id):
        Offering.objects.filter(pk=offering.pk).update(status="draft")


BEFORE: dict[str, Callable[[Any], Any]] = {
    "catalog_importjob_columns": lambda job: job_is(job, understood={"columns": {"Giá": "price"}}),
    "catalog_importjob_errors_csv": lambda job: job_is(job, summary={"errors": 1}),
    "catalog_importjob_undo": lambda job: job_is(job, status="completed", applied_at=timezone.now()),
    "catalog_offering_put_on_sale": not_on_sale,
    "catalog_order_fulfil": lambda order: order_stands(order, "confirmed"),
    "catalog_order_returns": lambda order: order_stands(order, "fulfilled"),
    "tenants_tenant_resume": lambda tenant: set_tenant_status(tenant_id=tenant.pk, status="suspended"),
    "tenants_user_remove_second_factor": lambda user: second_factor.enrolled(user) or enrol(user),
}
"""What a row must have gone through for its page to be offered."""

GLOBAL_ROWS: dict[type[models.Model], Callable[[], Any]] = {
    AttributeDefinition: lambda: AttributeDefinition.objects.create(domain=a_domain(), key=code("key"), name="Colour"),
    Capability: lambda: Capability.objects.create(code=code("capability"), name="Capability"),
    ErrorLog: lambda: ErrorLog.objects.create(fingerprint=code("print"), kind="web", exception="KeyError", trace="a.py"),
    HealthCheck: lambda: HealthCheck.objects.create(name=code("check")),
    KnowledgeDomain: a_domain,
    LoginToken: lambda: an_invitation(),
    ModelPrice: lambda: ModelPrice.objects.create(model=code("model"), input_price=1),
    Tenant: lambda: Tenant.objects.create(slug=code("tenant"), name="Tenant"),
    User: lambda: User.objects.create(email=f"{code('user')}@example.com"),
}

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
OWNED = [model for model in MODELS if issubclass(model, TenantModel)]
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
each_owned = pytest.mark.parametrize("model", OWNED, ids=lambda model: model._meta.label)


def an_invitation() -> LoginToken:
    return LoginToken.objects.create(
        purpose="invitation", email=f"{code('guest')}@example.com", role="analyst", invited_to_id=current_tenant_id()
    )


def prefix(model: type[models.Model]) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}"


def custom_pages(model: type[models.Model]) -> Iterator[URLPattern]:
    """Yield the pages that are not Django's own."""
    standard = {f"{prefix(model)}_{verb}" for verb in ("changelist", "add", "change", "delete", "history")}
    yield from (url for url in admin.site._registry[model].get_urls() if url.name and url.name not in standard)


def of_one_row(url: URLPattern) -> bool:
    return "object_id" in url.pattern.converters  # type: ignore[union-attr]


def row_of(model: type[models.Model], business: Business) -> Any:
    """Make a row of the business, or for everybody."""
    if model is Tenant:
        return business.tenant
    if model is User:
        return business.operator
    with in_tenant(business.tenant):
        return GLOBAL_ROWS[model]() if model in GLOBAL_ROWS else make_row(model)


def actor(name: str, business: Business, root: User) -> Client:
    return browser(root if name == "root" else getattr(business, name))


def expected(who: str, model: type[models.Model], allowed: frozenset[str]) -> int:
    """The status of a page: staff who have entered no tenant are sent to choose one, except on platform pages."""
    if who == "root" and not isinstance(admin.site._registry[model], PlatformAdmin):
        return 302
    return 200 if who in allowed else 403


def snapshot(business: Business, model: type[models.Model]) -> list[dict[str, Any]]:
    columns = [field.attname for field in model._meta.concrete_fields if field.name != "last_login"]
    with in_tenant(business.tenant):
        return list(model._default_manager.order_by("pk").values(*columns))


def markers(business: Business) -> set[str]:
    """Return what only this business's rows say: their ids, and values with a random part."""
    found: set[str] = set()
    with in_tenant(business.tenant):
        for model in ROWS:
            for values in model._default_manager.values():
                found |= {str(value) for key, value in values.items() if key == "id" and isinstance(value, UUID)}
                found |= {value for value in values.values() if isinstance(value, str) and re.search("-[0-9a-f]{8}$", value)}
    return found


def shown(response: HttpResponse) -> str:
    """Return the whole answer as text: a page, JSON or a download."""
    content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
    return content.decode()


def leaked(response: HttpResponse, foreign: set[str]) -> list[str]:
    text = shown(response)
    return [marker for marker in foreign if marker in text]


@pytest.fixture
def full_house(saigon: Business, harbour: Business) -> set[str]:
    """Give harbour a row of every table; return what would tell them."""
    with in_tenant(harbour.tenant):
        for model in ROWS:
            make_row(model)
    return markers(harbour)


def test_every_page_has_an_entry_and_a_row_to_open_it_with() -> None:
    assert {model._meta.label for model in MODELS} - set(PAGES) == set()
    assert {url.name for model in MODELS for url in custom_pages(model)} - set(CUSTOM) == set()
    assert set(MODELS) - set(ROWS) - set(GLOBAL_ROWS) == set()


def not_drawn(who: str, allowed: frozenset[str]) -> AbstractContextManager[Any]:
    """Let a page be found and filled, and not be drawn once more for whom it looks as it does for somebody before.

    An owner changes what there is; an analyst only reads it. Drawing is most of the time that a page takes.
    """
    is_seen_before = who == "operator" or (who == "root" and "owner" in allowed)
    return mock.patch.object(SimpleTemplateResponse, "rendered_content", "") if is_seen_before else nullcontext()


@each_model
def test_lists_and_forms_open_for_whom_they_are_meant(saigon: Business, root: User, model: Any) -> None:
    may_view = PAGES[model._meta.label][0]
    row = row_of(model, saigon)
    for who in ACTORS:
        person = actor(who, saigon, root)
        for address in (page(f"{prefix(model)}_changelist"), page(f"{prefix(model)}_change", row.pk)):
            with not_drawn(who, may_view):
                answer = person.get(address, follow=model is Tenant)  # inside a tenant the list is the one tenant's page
            assert answer.status_code == expected(who, model, may_view), (who, address)


def test_lists_show_own_rows_and_none_of_another_tenant(saigon: Business, full_house: set[str]) -> None:
    owner = browser(saigon.owner)
    for model in OWNED:
        mine = row_of(model, saigon)
        answer = owner.get(page(f"{prefix(model)}_changelist"))
        assert str(mine.pk) in shown(answer), model
        assert leaked(answer, full_house) == [], model


def addresses(model: type[models.Model], pk: Any) -> list[str]:
    """Return every page of the row, its change page first."""
    own = [f"{prefix(model)}_{verb}" for verb in ("change", "delete", "history")]
    own += [str(url.name) for url in custom_pages(model) if of_one_row(url)]
    return [page(name, pk) for name in own]


def as_seen(logged_in: Client, method: str, address: str, pk: Any) -> tuple[Any, ...]:
    """Return what a person can tell from an answer, without the id that was asked for; messages wait for no other answer."""
    person = Client()
    person.cookies["sessionid"] = logged_in.cookies["sessionid"].value
    send = {"get": person.get, "post": person.post}[method]
    answer = send(address, {"post": "yes", "_save": "1"} if method == "post" else {})
    told = [text_of(answer), *map(str, get_messages(answer.wsgi_request))]  # type: ignore[attr-defined]
    return answer.status_code, *(one.replace(str(pk), "ID") for one in (answer.get("Location", ""), *told))


@each_owned
@pytest.mark.parametrize("pages", [slice(1), pytest.param(slice(1, None), marks=pytest.mark.slow)], ids=["form", "others"])
def test_a_row_of_another_tenant_is_as_unknown_as_none(
    saigon: Business, harbour: Business, model: Any, pages: slice
) -> None:
    foreign, missing = row_of(model, harbour).pk, missing_pk(model)
    before, owner = snapshot(harbour, model), browser(saigon.owner)
    for method in ("get", "post"):
        for theirs, none in zip(addresses(model, foreign)[pages], addresses(model, missing)[pages], strict=True):
            answer = as_seen(owner, method, theirs, foreign)
            assert answer == as_seen(owner, method, none, missing), (method, theirs)
            assert answer[0] in (302, 403, 404, 405), (method, theirs)
    assert snapshot(harbour, model) == before


def missing_pk(model: type[models.Model]) -> Any:
    return uuid4() if isinstance(model._meta.pk, models.UUIDField) else 2**31


@pytest.mark.parametrize("model", [Tenant, User])
def test_another_tenant_itself_and_its_people_are_as_unknown_as_none(
    saigon: Business, harbour: Business, model: Any
) -> None:
    foreign, missing, owner = row_of(model, harbour), missing_pk(model), browser(saigon.owner)
    for method in ("get", "post"):
        for theirs, none in zip(addresses(model, foreign.pk), addresses(model, missing), strict=True):
            answer = as_seen(owner, method, theirs, foreign.pk)
            assert answer == as_seen(owner, method, none, missing), (method, theirs)
    listed = owner.get(page(f"{prefix(model)}_changelist"), follow=True)
    assert listed.status_code == 200
    assert f">{foreign}<" not in shown(listed)
    assert str(foreign.pk) not in shown(listed)
    with in_tenant(harbour.tenant):
        assert str(model.objects.get(pk=foreign.pk)) == str(foreign)


# --- the rest of the crawl


@pytest.mark.slow
@each_model
def test_rows_are_added_and_deleted_by_whom_it_is_meant_for(saigon: Business, root: User, model: Any) -> None:
    _view, may_add, _change, may_delete = PAGES[model._meta.label]
    row = row_of(model, saigon)
    for who in ACTORS:
        person = actor(who, saigon, root)
        answer = person.get(page(f"{prefix(model)}_add"))
        if model is Membership and who in may_add:  # people are not added, they are invited
            answer = person.get(answer["Location"])
        assert answer.status_code == expected(who, model, may_add), who
        assert person.get(page(f"{prefix(model)}_delete", row.pk)).status_code == expected(who, model, may_delete), who


@pytest.mark.slow
@each_model
def test_who_may_not_changes_nothing_by_sending_the_form_anyway(saigon: Business, root: User, model: Any) -> None:
    _view, may_add, may_change, may_delete = PAGES[model._meta.label]
    row = row_of(model, saigon)
    before = snapshot(saigon, model)
    for who in ACTORS:
        person = actor(who, saigon, root)
        for verb, allowed, args in (
            ("add", may_add, ()),
            ("change", may_change, (row.pk,)),
            ("delete", may_delete, (row.pk,)),
        ):
            if who not in allowed:
                answer = person.post(page(f"{prefix(model)}_{verb}", *args), {"post": "yes"})
                assert answer.status_code in (302, 403), (who, verb)
                assert answer.status_code == 403 or answer["Location"] == "/admin/", (who, verb)
    assert snapshot(saigon, model) == before


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CUSTOM))
def test_pages_of_their_own_open_for_whom_they_are_meant(saigon: Business, root: User, name: str) -> None:
    found = [(model, url) for model in MODELS for url in custom_pages(model) if url.name == name]
    assert found, f"{name} is no page any more"
    model, url = found[0]
    for who in ACTORS:
        row = row_of(model, saigon)
        BEFORE.get(name, lambda _row: None)(row)
        before = snapshot(saigon, model)
        answer = actor(who, saigon, root).get(page(name, *([row.pk] if of_one_row(url) else [])))
        assert (answer.status_code != 403 and answer.get("Location") != "/admin/") is (who in CUSTOM[name]), who
        if who not in CUSTOM[name]:
            assert snapshot(saigon, model) == before


def look_ups() -> Iterator[Any]:
    """Every choice field whose look-up may be asked for: its model has a page that is searched."""
    for model in MODELS:
        for field in model._meta.concrete_fields:
            target = admin.site._registry.get(field.related_model) if field.is_relation else None
            if target is not None and target.search_fields:
                yield pytest.param(model, field, id=f"{model._meta.label}.{field.name}")


@pytest.mark.slow
@pytest.mark.parametrize(("model", "field"), list(look_ups()))
def test_choices_are_looked_up_among_own_rows(saigon: Business, full_house: set[str], model: Any, field: Any) -> None:
    mine = row_of(field.related_model, saigon)
    asked = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name, "term": ""}
    answer = browser(saigon.owner).get(page("autocomplete"), asked)
    assert answer.status_code in (200, 403)
    assert leaked(answer, full_house) == []
    if answer.status_code == 200:
        assert str(mine.pk) in shown(answer)
    assert browser(saigon.analyst).get(page("autocomplete"), {**asked, "model_name": "nonsense"}).status_code == 403


@pytest.mark.slow
@each_owned
def test_forms_and_deletions_name_nothing_of_another_tenant(saigon: Business, full_house: set[str], model: Any) -> None:
    row = row_of(model, saigon)
    owner = browser(saigon.owner)
    for address in (page(f"{prefix(model)}_add"), *addresses(model, row.pk)):
        assert leaked(owner.get(address, follow=True), full_house) == [], address


@pytest.mark.slow
@each_owned
def test_filters_and_searches_cannot_ask_about_another_tenant(saigon: Business, harbour: Business, model: Any) -> None:
    foreign, mine = row_of(model, harbour), row_of(model, saigon)
    owner, address = browser(saigon.owner), page(f"{prefix(model)}_changelist")
    for field in model._meta.concrete_fields:
        value, none = getattr(foreign, field.attname), missing_pk(field.related_model) if field.is_relation else code()
        if field.name == "tenant" or value in (None, "") or value == getattr(mine, field.attname):
            continue
        for lookup in (
            field.attname if field.is_relation else field.name,
            f"{field.name}__exact",
            f"{field.name}__id__exact",
        ):
            theirs, nothing = ask(owner, address, lookup, value), ask(owner, address, lookup, none)
            assert theirs[0] in (200, 302, 400), lookup
            assert str(foreign.pk) not in theirs[2].replace(str(value), "")
            if field.is_relation:
                assert theirs[:2] == nothing[:2], lookup
    for term in (str(foreign.pk), str(foreign)):
        assert str(foreign.pk) not in shown(owner.get(address, {"q": term})).replace(term, "")


def ask(person: Client, address: str, lookup: str, value: Any) -> tuple[int, str, str]:
    answer = person.get(address, {lookup: str(value)})
    return answer.status_code, text_of(answer).replace(str(value), "VALUE"), shown(answer)


def actions_on(answer: HttpResponse) -> list[str]:
    chooser = re.search(r'<select name="action".*?</select>', shown(answer), re.S)
    return re.findall(r'<option value="(\w+)"', chooser[0]) if chooser else []


@pytest.mark.slow
@each_owned
def test_actions_reach_own_rows_only(saigon: Business, full_house: set[str], harbour: Business, model: Any) -> None:
    owner, address = browser(saigon.owner), page(f"{prefix(model)}_changelist")
    before = {each: snapshot(harbour, each) for each in ROWS}
    theirs = [str(values["id"]) for values in before[model]]
    row_of(model, saigon)
    for name in actions_on(owner.get(address)):
        mine = str(row_of(model, saigon).pk)
        for across in ("0", "1"):
            form = {"action": name, "_selected_action": [mine, *theirs], "select_across": across, "post": "yes"}
            answer = owner.post(address, form)
            assert answer.status_code in (200, 302), name
            assert leaked(answer, full_house) == [], name
    assert {each: snapshot(harbour, each) for each in ROWS} == before


@pytest.mark.slow
@each_model
def test_a_list_takes_the_same_number_of_queries_however_long_it_is(saigon: Business, root: User, model: Any) -> None:
    is_global = isinstance(admin.site._registry[model], PlatformAdmin)
    person = browser(root) if is_global else browser(saigon.owner)
    counts = []
    whole = {"all": ""} if is_global else {}  # the platform's rows are more than a page to begin with
    for more in (3, 27):
        if is_global:
            with platform_scope(reason="rows of the platform for a test"):
                rows = [GLOBAL_ROWS[model]() for _ in range(more)]
        else:
            with in_tenant(saigon.tenant):
                rows = [GLOBAL_ROWS.get(model, lambda: make_row(model))() for _ in range(more)]
        person.get(page(f"{prefix(model)}_changelist"), whole)
        with CaptureQueriesContext(connection) as queries:
            answer = person.get(page(f"{prefix(model)}_changelist"), whole)
        assert all(str(row.pk) in shown(answer) for row in rows)
        counts.append([query["sql"] for query in queries])
    assert len(counts[0]) == len(counts[1]), "\n".join(counts[1][len(counts[0]) :])


OWN_STATUS = {"reports.emaildelivery"}
"""Models whose badge shows other states than those of its column (``status`` beside ``state``)."""


def test_no_badge_of_a_list_shows_a_code_in_place_of_a_word() -> None:
    """unfold shows the code of what its ``label`` leaves out."""
    looked = 0
    for model, shown in admin.site._registry.items():
        for name in dir(type(shown)):
            method = getattr(type(shown), name)
            field = getattr(method, "admin_order_field", None)
            if not isinstance(getattr(method, "label", None), dict) or "__" in str(field) or field is None:
                continue
            choices = {code for code, _said in getattr(model._meta.get_field(field), "flatchoices", ())}
            if choices and model._meta.label_lower not in OWN_STATUS:
                assert choices <= set(method.label), (model, name)
                looked += 1
    assert looked >= 15
