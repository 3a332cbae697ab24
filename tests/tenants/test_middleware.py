"""Which tenants a request looks up: the one worked in, and the list only for a page that shows it."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants import middleware
from tenants.models import Tenant, User
from tests.conftest import Business
from tests.tenants.admin_pages import browser, page, text_of

pytestmark = pytest.mark.django_db


def lists_of_tenants(queries: CaptureQueriesContext) -> list[str]:
    """Return the statements that read what the switcher offers."""
    return [q["sql"] for q in queries if q["sql"].endswith(f"LIMIT {middleware.MOST_CHOICES}")]


def test_a_request_of_platform_staff_that_shows_no_list_reads_one_tenant(saigon: Business, root: User) -> None:
    staff = browser(root, saigon.tenant)
    with CaptureQueriesContext(connection) as queries:
        assert staff.get(page("search"), {"s": "key"}).status_code == 200
    assert lists_of_tenants(queries) == []
    with CaptureQueriesContext(connection) as queries:
        staff.get(page("index"))
    assert len(lists_of_tenants(queries)) == 1


def test_the_switcher_offers_platform_staff_only_so_many_tenants(
    saigon: Business, harbour: Business, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "MOST_CHOICES", 1)
    staff = browser(root)
    offered = staff.get(page("index")).content.decode()
    assert (str(harbour.tenant.pk) in offered, str(saigon.tenant.pk) in offered) == (True, False)
    assert str(saigon.tenant.pk) in staff.get(page("tenants_tenant_changelist"), {"q": "saigon"}).content.decode()
    staff.post(reverse("switch_tenant"), {"tenant": saigon.tenant.pk})
    assert saigon.operator.email in text_of(staff.get(page("tenants_membership_changelist")))


def test_the_platforms_home_counts_all_tenants(
    saigon: Business, harbour: Business, root: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "MOST_CHOICES", 1)
    figures = browser(root).get(page("index")).context["platform_figures"]
    with middleware.platform_scope(reason="test"):
        assert Tenant.objects.count() > middleware.MOST_CHOICES
        assert figures[0].value == str(Tenant.objects.count())


def test_staff_whose_tenant_is_gone_work_on_the_whole_platform(saigon: Business, root: User) -> None:
    staff = browser(root, saigon.tenant)
    session = staff.session
    session[middleware.SESSION_KEY] = str(uuid4())
    session.save()
    assert "Whole platform" in text_of(staff.get(page("index")))


def test_a_member_of_a_suspended_tenant_gets_into_none_and_staff_do(saigon: Business, root: User) -> None:
    with middleware.platform_scope(reason="test"):
        Tenant.objects.filter(pk=saigon.tenant.pk).update(status=Tenant.Status.SUSPENDED)
    member, staff = browser(saigon.owner), browser(root)
    assert member.post(reverse("switch_tenant"), {"tenant": saigon.tenant.pk}).status_code == 403
    assert staff.post(reverse("switch_tenant"), {"tenant": saigon.tenant.pk}).status_code == 302
    assert saigon.operator.email in text_of(staff.get(page("tenants_membership_changelist")))
