"""What every page of the admin keeps: the tenant, the other person's work, and its speed in long lists."""

import csv
import io
import logging
import re
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from unfold.admin import ModelAdmin

from reports.error_log import ErrorLogHandler
from tenants.admin import TenantAdmin
from tenants.errors import bad_request
from tenants.links import page_link
from tenants.models import ApiKey, LoginToken, Membership, Tenant, User
from tenants.text import inert
from tests.conftest import Business, in_tenant
from tests.tenants.admin_pages import browser, hidden, page, text_of

pytestmark = pytest.mark.django_db


def keys(business: Business, how_many: int) -> list[str]:
    """Make API keys (rows in the order of time) and return their names, oldest first."""
    names = [f"key {number:03}" for number in range(how_many)]
    with in_tenant(business.tenant):
        ApiKey.objects.all().delete()
        ApiKey.objects.bulk_create(
            ApiKey(name=name, prefix="brk_x", key_hash=uuid4().bytes + uuid4().bytes) for name in names
        )
    return names


def names_on(text: str) -> list[str]:
    return re.findall(r"key \d{3}", text)


def test_only_our_own_pages_are_in_the_admin() -> None:
    assert admin.site._registry
    for page_class in admin.site._registry.values():
        assert isinstance(page_class, TenantAdmin if isinstance(page_class, ModelAdmin) else ())


def test_a_login_page_asks_for_the_e_mail_address_and_lands_at_home(saigon: Business) -> None:
    visitor = Client()
    login = visitor.get("/", follow=True)
    assert "E-mail address" in text_of(login)
    answer = visitor.post("/admin/login/", {"username": "Owner@Saigon.example", "password": "correct horse battery"})
    assert (answer.status_code, answer.url) == (302, "/admin/")


@pytest.mark.parametrize("address", ["/admin/", "/admin/login/", "/admin/password_change/"])
def test_pages_refuse_frames_and_foreign_scripts(saigon: Business, address: str) -> None:
    answer = browser(saigon.owner).get(address, follow=True)
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in re.search(r"script-src[^;]*", policy)[0]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=\"", answer.content.decode())


def test_a_person_changes_between_own_tenants(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="analyst")
    person = browser(saigon.owner, harbour.tenant)
    assert harbour.operator.email in text_of(person.get(page("tenants_membership_changelist")))
    assert person.get(page("tenants_membership_add")).status_code == 403


@pytest.mark.parametrize("forged", ["other", "unknown", "nonsense", ""])
def test_a_forged_tenant_is_refused_and_the_session_kept(saigon: Business, harbour: Business, forged: str) -> None:
    person = browser(saigon.operator)
    wanted = {"other": str(harbour.tenant.pk), "unknown": str(uuid4())}.get(forged, forged)
    assert person.post(reverse("switch_tenant"), {"tenant": wanted}).status_code == 403
    assert "Saigon" in text_of(person.get(page("index")))


def test_a_tenant_is_not_changed_by_following_a_link(saigon: Business) -> None:
    assert browser(saigon.owner).get(reverse("switch_tenant"), {"tenant": saigon.tenant.pk}).status_code == 405


def test_a_link_of_a_mail_opens_its_page_in_its_tenant_after_a_question(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="owner")
    person = browser(saigon.owner, saigon.tenant)
    link = page_link(harbour.tenant, "admin:tenants_membership_changelist").partition(settings.PUBLIC_URL)[2]
    members = page("tenants_membership_changelist")
    asked = person.get(f"{link}?q=a")
    assert f"This page is of “{harbour.tenant.name}”" in text_of(asked)
    assert harbour.operator.email not in text_of(person.get(members))  # asking has changed nothing
    assert person.post(f"{link}?q=a").url == f"{members}?q=a"
    assert harbour.operator.email in text_of(person.get(members))
    assert person.get(link).url == members
    stranger = browser(saigon.operator)
    for answer in (stranger.get(link), stranger.post(link)):
        assert (answer.status_code, harbour.tenant.name in answer.content.decode()) == (404, False)
    assert saigon.operator.email in text_of(stranger.get(members))
    assert Client().get(link).url.startswith("/admin/login/?next=/open/")


def test_platform_staff_choose_a_tenant_before_they_see_its_rows(saigon: Business) -> None:
    root = browser(User.objects.create_superuser("root@backroom.example"))
    answer = root.get(page("tenants_membership_changelist"), follow=True)
    assert answer.redirect_chain == [("/admin/", 302)]
    assert "Choose a tenant" in text_of(answer)
    assert root.get(page("tenants_membership_add"), follow=True).redirect_chain
    autocomplete = {"app_label": "tenants", "model_name": "apikey", "field_name": "bot", "term": ""}
    assert root.get(page("autocomplete"), autocomplete).status_code == 403
    root.post(reverse("switch_tenant"), {"tenant": saigon.tenant.pk})
    assert saigon.operator.email in text_of(root.get(page("tenants_membership_changelist")))
    root.post(reverse("switch_tenant"), {"tenant": ""})
    assert root.get(page("tenants_membership_changelist")).status_code == 302


def test_a_form_opened_in_another_tenant_is_refused(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="owner")
    person = browser(saigon.owner, saigon.tenant)
    seen = hidden(person.get(page("tenants_logintoken_add")), "_tenant")
    person.post(reverse("switch_tenant"), {"tenant": harbour.tenant.pk})
    answer = person.post(page("tenants_logintoken_add"), {"email": "x@y.example", "role": "owner", "_tenant": seen})
    assert answer.status_code == 409
    assert "Nothing was saved" in text_of(answer)
    assert not LoginToken.objects.filter(email="x@y.example").exists()


def test_an_action_over_a_whole_list_opened_in_another_tenant_is_refused(saigon: Business, harbour: Business) -> None:
    keys(harbour, 3)
    with in_tenant(harbour.tenant):
        Membership.objects.create(user=saigon.owner, role="owner")
        chosen = ApiKey.objects.first()
    person = browser(saigon.owner, saigon.tenant)
    seen = hidden(person.get(page("tenants_apikey_changelist")), "_tenant")
    person.post(reverse("switch_tenant"), {"tenant": harbour.tenant.pk})
    form = {"action": "revoke_keys", "select_across": "1", "_selected_action": chosen.pk, "_tenant": seen}
    assert person.post(page("tenants_apikey_changelist"), form).status_code == 409
    with in_tenant(harbour.tenant):
        assert ApiKey.objects.filter(revoked_at=None).count() == 3


def test_of_two_editors_the_second_is_told_and_nothing_is_overwritten(saigon: Business) -> None:
    address = page("tenants_tenant_change", saigon.tenant.pk)
    first, second = browser(saigon.owner), browser(saigon.admin)
    form = {"name": "First", "locale": "vi", "time_zone": "Asia/Ho_Chi_Minh", "currency": "VND"}
    seen_by_first, seen_by_second = (hidden(person.get(address), "_version") for person in (first, second))
    assert first.post(address, {**form, "_version": seen_by_first}).status_code == 302
    answer = second.post(address, {**form, "name": "Second", "_version": seen_by_second})
    assert "Somebody else has changed this" in text_of(answer)
    assert "“First”" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert Tenant.objects.get().name == "First"
    assert second.post(address, {**form, "name": "Second", "_version": hidden(answer, "_version")}).status_code == 302
    with in_tenant(saigon.tenant):
        assert Tenant.objects.get().name == "Second"


def test_a_foreign_row_is_as_unknown_as_none(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        theirs = Membership.objects.get(user=harbour.operator)
    owner = browser(saigon.owner)
    for name in ("change", "delete"):
        answer = owner.post(page(f"tenants_membership_{name}", theirs.pk), {"role": "owner", "post": "yes"})
        assert (answer.status_code, answer.url) == (302, "/admin/")
    with in_tenant(harbour.tenant):
        assert Membership.objects.get(pk=theirs.pk).role == "operator"


def test_an_action_reaches_own_rows_only(saigon: Business, harbour: Business) -> None:
    keys(saigon, 2)
    keys(harbour, 2)
    with in_tenant(saigon.tenant):
        mine = [str(pk) for pk in ApiKey.objects.values_list("pk", flat=True)]
    with in_tenant(harbour.tenant):
        theirs = [str(pk) for pk in ApiKey.objects.values_list("pk", flat=True)]
    form = {"action": "revoke_keys", "_selected_action": mine[:1] + theirs}
    answer = browser(saigon.owner).post(page("tenants_apikey_changelist"), form, follow=True)
    assert "1 keys revoked" in text_of(answer)
    with in_tenant(harbour.tenant):
        assert ApiKey.objects.filter(revoked_at=None).count() == 2


def test_there_is_no_log_that_knows_no_tenant_but_a_history_that_does(saigon: Business) -> None:
    owner = browser(saigon.owner)
    owner.post(page("tenants_apikey_add"), {"name": "shop"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_admin_log")
        assert cursor.fetchone() == (0,)
    with in_tenant(saigon.tenant):
        key = ApiKey.objects.first()
    shown = text_of(owner.get(page("tenants_apikey_history", key.pk)))
    assert "Added" in shown
    assert saigon.owner.email in shown


def test_a_list_takes_the_same_number_of_queries_however_long_it_is(saigon: Business) -> None:
    owner = browser(saigon.owner)
    counts = []
    for size in (2, 40):
        keys(saigon, size)
        owner.get(page("tenants_apikey_changelist"))
        with CaptureQueriesContext(connection) as queries:
            owner.get(page("tenants_apikey_changelist"))
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_csv_holds_own_rows_and_runs_nothing(saigon: Business, harbour: Business) -> None:
    names = keys(saigon, 3)
    keys(harbour, 3)
    with in_tenant(saigon.tenant):
        ApiKey.objects.filter(name=names[1]).update(name="=HYPERLINK(1)")
        chosen = ApiKey.objects.first()
    form = {"action": "export", "select_across": "1", "_selected_action": chosen.pk}
    answer = browser(saigon.owner).post(page("tenants_apikey_changelist"), form)
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert [row["name"] for row in rows] == [names[0], "'=HYPERLINK(1)", names[2]]
    assert "key_hash" not in rows[0]


@pytest.mark.parametrize("value", ["=1", "+1", "-1", "@a", "\tx", "\rx"])
def test_what_a_spreadsheet_would_run_is_inert(value: str) -> None:
    assert inert(value) == f"'{value}"


def test_an_empty_list_says_what_to_do(saigon: Business) -> None:
    keys(saigon, 0)
    empty = text_of(browser(saigon.owner).get(page("tenants_apikey_changelist")))
    assert "No API keys yet" in empty
    assert "Add API key" in empty
    searched = text_of(browser(saigon.owner).get(page("tenants_apikey_changelist"), {"q": "nothing"}))
    assert "Nothing matches" in searched


class KeyPages:
    """Reads a list page by page, through the links a person would follow."""

    def __init__(self, business: Business) -> None:
        self.person = browser(business.owner)
        self.answer = self.person.get(page("tenants_apikey_changelist"))

    def names(self) -> list[str]:
        return names_on(text_of(self.answer))

    def follow(self, title: str) -> bool:
        link = re.search(rf'<a href="([^"]+)" title="{title}"', self.answer.content.decode())
        if link is None:
            return False
        self.answer = self.person.get(page("tenants_apikey_changelist") + link[1].replace("&amp;", "&"))
        return True


@pytest.fixture
def by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    page_class = admin.site._registry[ApiKey]
    monkeypatch.setattr(page_class, "ordering", ["-id"])
    monkeypatch.setattr(page_class, "list_per_page", 5)


@pytest.mark.usefixtures("by_id")
@pytest.mark.parametrize("size", [4, 5, 6, 10, 12])
def test_every_row_is_on_exactly_one_page_in_both_directions(saigon: Business, size: int) -> None:
    expected = keys(saigon, size)[::-1]
    list_pages = KeyPages(saigon)
    forward = list_pages.names()
    while list_pages.follow("Next"):
        forward += list_pages.names()
    backward = list_pages.names()
    while list_pages.follow("Previous"):
        backward = list_pages.names() + backward
    assert forward == expected
    assert [name for position, name in enumerate(backward) if name not in backward[:position]] == expected


@pytest.mark.usefixtures("by_id")
def test_the_oldest_rows_are_one_click_away(saigon: Business) -> None:
    names = keys(saigon, 12)
    list_pages = KeyPages(saigon)
    assert list_pages.follow("Oldest")
    assert list_pages.names() == names[:5][::-1]
    assert list_pages.follow("Newest")
    assert list_pages.names() == names[-5:][::-1]


@pytest.mark.usefixtures("by_id")
@pytest.mark.parametrize("token", ["after.nonsense", "before.", "-1", "999", "after." + str(UUID(int=0))])
def test_a_page_that_does_not_exist_is_no_error(saigon: Business, token: str) -> None:
    keys(saigon, 12)
    answer = browser(saigon.owner).get(page("tenants_apikey_changelist"), {"p": token}, follow=True)
    assert answer.status_code == 200


@pytest.mark.usefixtures("by_id")
def test_an_action_over_more_rows_than_can_be_counted_does_nothing(
    saigon: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys(saigon, 12)
    monkeypatch.setattr("tenants.admin.pages.COUNT_LIMIT", 10)
    with in_tenant(saigon.tenant):
        chosen = ApiKey.objects.first()
    owner = browser(saigon.owner)
    assert "more than" in text_of(owner.get(page("tenants_apikey_changelist")))
    form = {"action": "revoke_keys", "select_across": "1", "_selected_action": chosen.pk}
    assert "Nothing was done" in text_of(owner.post(page("tenants_apikey_changelist"), form, follow=True))
    with in_tenant(saigon.tenant):
        assert not ApiKey.objects.exclude(revoked_at=None).exists()


def test_people_change_their_password_and_language(saigon: Business) -> None:
    person = browser(saigon.operator)
    new = "a much longer pass phrase"
    form = {"old_password": "correct horse battery", "new_password": new, "repeated": new}
    assert person.get("/admin/password_change/").url == "/admin/account/password/"
    assert person.post("/admin/account/password/", form).url == "/admin/"
    assert Client().login(email=saigon.operator.email, password=new)
    person.post("/admin/language/", {"language": "vi", "next": "/admin/"})
    saigon.operator.refresh_from_db()
    assert saigon.operator.locale == "vi"
    assert 'lang="vi"' in person.get(page("index")).content.decode()


def test_a_filter_that_is_none_leads_to_the_whole_list_and_is_no_error_of_ours(saigon, caplog):
    person, address = browser(saigon.analyst), page("catalog_offering_changelist")
    answer = person.get(address, {"tenant__plan__exact": "x"}, follow=True)
    assert answer.redirect_chain == [(address, 302)]
    assert "cannot be narrowed like that" in text_of(answer)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    record = logging.LogRecord("django.security", logging.ERROR, __file__, 1, "x", (), (None, SuspiciousOperation(), None))
    handler = ErrorLogHandler()
    handler.emit(record)
    assert handler.waiting.empty()
    assert bad_request(RequestFactory().get("/admin/"), SuspiciousOperation()).content.count(b"cannot be understood") == 1
