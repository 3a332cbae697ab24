"""What asks for attention on the home page, shown to those who may do something about it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.models import User
from tests.conftest import Business, in_tenant
from tests.rows import a_budget, a_destination
from tests.tenants.admin_pages import browser, page, text_of
from vault.models import Budget, Credential, EventDestination
from vault.services import store_credential

pytestmark = pytest.mark.django_db


def credential(label: str, *, days: float, active: bool = True) -> Credential:
    """A credential that ends in so many days."""
    made = store_credential(
        provider="openai",
        kind="api_key",
        label=label,
        secret={"api_key": "sk-0123456789abcdef"},
        expires_at=timezone.now() + timedelta(days=days),
    )
    Credential.objects.filter(pk=made.pk).update(is_active=active)
    return made


def home(person: User) -> str:
    return text_of(browser(person).get(page("index")))


def test_credentials_that_end_soon_are_told_to_who_may_replace_them(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        credential("Soon", days=3)
        credential("Gone", days=-1)
        credential("Later", days=60)
        credential("Put away", days=3, active=False)
    shown = home(saigon.owner)
    assert "“Soon” expires on" in shown
    assert "“Gone” has expired on" in shown
    assert shown.index("Gone") < shown.index("Soon")
    assert "Later" not in shown
    assert "Put away" not in shown
    assert "Soon" not in home(saigon.operator)
    assert "Soon" not in home(harbour.owner)


def test_a_budget_above_its_first_threshold_is_told_with_how_far_it_is(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        budget = a_budget()
        assert "budget" not in home(saigon.operator)
        Budget.objects.filter(pk=budget.pk).update(limit_amount=0)
    assert "is used up to 100 %" in home(saigon.operator)


def test_a_receiver_that_was_given_up_is_told_with_the_reason(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        destination = a_destination()
        EventDestination.objects.filter(pk=destination.pk).switch_off("It answered 410.")
    assert f"Events no longer go to “{destination.name}”: It answered 410." in home(saigon.owner)
    assert destination.name not in home(saigon.operator)


def test_nothing_to_do_shows_no_card(saigon: Business) -> None:
    assert "Needs your attention" not in home(saigon.owner)


def test_the_lines_cost_four_queries_however_many_there_are(saigon: Business) -> None:
    owner = browser(saigon.owner)
    owner.get(page("index"))
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            owner.get(page("index"))
        counts.append(len(queries))
        with in_tenant(saigon.tenant):
            for _ in range(3):
                credential(f"Key {number}", days=1)
                a_budget()
                a_destination()
    assert counts[0] == counts[1]
