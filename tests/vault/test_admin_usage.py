"""Usage, prices and budgets in the admin."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.tenants.admin_pages import browser, hidden, page, text_of
from vault.budgets import reserve, save_budget, settle
from vault.models import Budget, ModelPrice
from vault.prices import Tokens

pytestmark = pytest.mark.django_db


def a_price(**fields):
    with platform_scope(reason="prices are the platform's"):
        since = timezone.now() - timedelta(days=1)
        values = {"model": "gpt-test", "valid_from": since, "input_price": "0.25", "output_price": 10}
        return ModelPrice.objects.create(**{**values, **fields})


def a_call(tokens):
    asked = {"provider": "openai", "model": "gpt-test", "worst_case_input_tokens": 0, "max_output_tokens": 0}
    settle(reserve(key=str(tokens), **asked), usage=tokens)


def test_the_ledger_shows_tokens_and_money_as_people_read_them(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        a_call(Tokens(12_000, 800, 10_000, 300))
    shown = text_of(browser(saigon.analyst).get(page("vault_usageentry_changelist")))
    assert "12,000 (10,000 cached)" in shown
    assert "800 (300 reasoning)" in shown
    assert "0.011000 USD" in shown


def test_an_owner_makes_a_budget_and_sees_how_far_it_is_used_up(saigon):
    a_price()
    with in_tenant(saigon.tenant):
        a_call(Tokens(0, 400_000))
    owner = browser(saigon.owner)
    form = {"period": "month", "limit_amount": "5", "currency": "USD", "thresholds": "80, 50", "is_active": "on"}
    tenant = hidden(owner.get(page("vault_budget_add")), "_tenant")
    assert owner.post(page("vault_budget_add"), {**form, "_tenant": tenant}).status_code == 302
    with in_tenant(saigon.tenant):
        budget = Budget.objects.get()
        assert budget.thresholds == [50, 80]
    listed = owner.get(page("vault_budget_changelist"))
    assert "4.00 USD / 5.00 USD (80 %)" in text_of(listed)
    assert "width:80%" in listed.content.decode()
    assert "4.00 USD / 5.00 USD" in text_of(owner.get(page("vault_budget_change", budget.pk)))


def test_a_threshold_that_is_no_percentage_is_refused_on_its_field(saigon):
    owner = browser(saigon.owner)
    form = {"period": "month", "limit_amount": "5", "currency": "USD", "thresholds": "50, 200"}
    answer = owner.post(page("vault_budget_add"), form)
    assert answer.status_code == 200
    assert "less than or equal to 100" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not Budget.objects.exists()


def test_an_operator_sees_budgets_and_cannot_change_them(saigon):
    with in_tenant(saigon.tenant):
        budget = save_budget(budget=Budget(limit_amount=5))
    operator = browser(saigon.operator)
    assert operator.get(page("vault_budget_change", budget.pk)).status_code == 200
    assert operator.post(page("vault_budget_change", budget.pk), {"limit_amount": "50"}).status_code == 403
    with in_tenant(saigon.tenant):
        assert Budget.objects.get().limit_amount == Decimal(5)


def test_platform_staff_add_prices_and_correct_only_those_that_have_not_begun(root):
    begun, later = a_price(), a_price(valid_from=timezone.now() + timedelta(days=7))
    staff = browser(root)
    values = {"provider": "openai", "model": "gpt-test", "currency": "USD", "output_price": "3"}
    for price, status, expected in ((begun, 403, Decimal("0.25")), (later, 302, Decimal("0.5"))):
        address = page("vault_modelprice_change", price.pk)
        seen = staff.get(address)
        assert seen.status_code == 200
        when = timezone.localtime(price.valid_from)
        times = {"valid_from_0": f"{when:%Y-%m-%d}", "valid_from_1": f"{when:%H:%M:%S}"}
        mark = {"_version": hidden(seen, "_version")} if status == 302 else {}
        answer = staff.post(address, {**values, **times, **mark, "input_price": "0.5"})
        assert answer.status_code == status, text_of(answer)
        with platform_scope(reason="read the prices"):
            price.refresh_from_db()
        assert price.input_price == expected


def test_a_price_is_not_put_before_one_that_stands(root):
    a_price()
    form = {"provider": "openai", "model": "gpt-test", "currency": "USD", "input_price": "1", "output_price": "3"}
    answer = browser(root).post(page("vault_modelprice_add"), {**form, "valid_from_0": "2020-01-01", "valid_from_1": "0:00"})
    assert answer.status_code == 200
    assert "prices are added at the end" in text_of(answer)
    assert ModelPrice.objects.count() == 1
