"""Usage, prices and budgets over the API."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from bots.models import Bot
from tenants.models import AuditEntry
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.rows import code
from vault.budgets import BudgetExceeded, reserve, settle
from vault.models import Budget, ModelPrice, UsageEntry
from vault.prices import Tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(saigon):
    with platform_scope(reason="prices are the platform's"):
        ModelPrice.objects.create(
            model="gpt-test", valid_from=timezone.now() - timedelta(days=1), input_price="0.25", output_price=2
        )
    with in_tenant(saigon.tenant):
        Bot.objects.create(code="shop", name="Shop")
    return saigon


TOKENS = Tokens(1000, 100, 400)


def call(tokens=TOKENS, **options):
    asked = {"provider": "openai", "model": "gpt-test", "worst_case_input_tokens": 5000, "max_output_tokens": 1000}
    return settle(reserve(**{"key": code("call"), **asked, **options}), usage=tokens, latency_ms=7)


def test_a_call_is_shown_with_its_tokens_and_its_exact_cost(api, shop):
    with in_tenant(shop.tenant):
        call(bot_id=Bot.objects.get().pk)
    (entry,) = api(shop, shop.analyst).get("usage/").json()["results"]
    assert (entry["model"], entry["bot"], entry["state"]) == ("gpt-test", "shop", "settled")
    assert (entry["input_tokens"], entry["cached_input_tokens"], entry["output_tokens"]) == (1000, 400, 100)
    assert (entry["amount"], entry["reserved_amount"], entry["currency"]) == ("0.0004", "0.0032", "USD")
    assert entry["amount_pico"] == 450_000_000
    assert (entry["is_priced"], entry["is_estimated"], entry["latency_ms"]) == (True, False, 7)
    assert api(shop).get(f"usage/{entry['id']}/").json() == entry


def test_money_has_2_to_4_decimals_and_many_small_calls_still_add_up(api, shop):
    with in_tenant(shop.tenant):
        for input_tokens in (1, 3, 1000, 5000):
            call(Tokens(input_tokens, 0, 0))
        reserve(key="under way", provider="openai", model="gpt-test", worst_case_input_tokens=10, max_output_tokens=1)
        spent = UsageEntry.objects.aggregate(spent=Sum("amount"))["spent"]
    entries = api(shop).get("usage/").json()["results"]
    assert [entry["amount"] for entry in entries] == [None, "0.0012", "0.0002", "0.00", "0.00"]
    money = [entry[name] for entry in entries for name in ("amount", "reserved_amount") if entry[name]]
    assert all(re.fullmatch(r"\d+\.\d{2,4}", amount) for amount in money)
    assert sum(entry["amount_pico"] or 0 for entry in entries) == spent * 10**12 == 1_501_000_000


def test_usage_is_narrowed_by_bot_model_and_time(api, shop):
    with in_tenant(shop.tenant):
        call(bot_id=Bot.objects.get().pk)
        call(model="llama")
        UsageEntry.objects.filter(model="llama").update(created_at=timezone.now() - timedelta(days=3))
    client, yesterday = api(shop), (timezone.now() - timedelta(days=1)).isoformat()
    for wanted, models in (
        ({"bot": "shop"}, ["gpt-test"]),
        ({"model": "llama"}, ["llama"]),
        ({"since": yesterday}, ["gpt-test"]),
        ({"until": yesterday}, ["llama"]),
        ({"state": "failed"}, []),
    ):
        found = client.get("usage/", wanted).json()["results"]
        assert [entry["model"] for entry in found] == models, wanted
    unknown = client.get("usage/", {"bot": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_reference")
    assert client.get("usage/", {"nonsense": "1"}).status_code == 400
    with in_tenant(shop.tenant):
        assert not next(iter(UsageEntry.objects.filter(model="llama"))).price_id


def test_prices_are_read(api, shop):
    (price,) = api(shop, shop.operator).get("model-prices/", {"model": "gpt-test"}).json()["results"]
    assert (price["input_price"], price["cached_input_price"], price["output_price"]) == ("0.25", None, "2.00")


def test_a_budget_is_made_changed_and_stops(api, shop):
    client = api(shop, shop.owner)
    made = client.post("budgets/", {"bot": "shop", "period": "day", "limit_amount": "0.01", "thresholds": [90, 50, 90]})
    assert made.status_code == 201, made.content
    budget = made.json()
    assert (budget["bot"], budget["limit_amount"], budget["currency"]) == ("shop", "0.01", "USD")
    assert (budget["thresholds"], budget["spent"], budget["reserved"]) == ([50, 90], "0.00", "0.00")
    assert budget["period_start"] < timezone.now().isoformat() < budget["period_end"]
    with in_tenant(shop.tenant):
        bot = Bot.objects.get()
        call(bot_id=bot.pk, tokens=Tokens(0, 4000))
        with pytest.raises(BudgetExceeded):
            call(bot_id=bot.pk)
    assert client.get(f"budgets/{budget['id']}/").json()["spent"] == "0.008"
    changed = client.patch(f"budgets/{budget['id']}/", {"limit_amount": "1.00"})
    assert (changed.status_code, changed.json()["limit_amount"], changed.json()["spent"]) == (200, "1.00", "0.008")
    with in_tenant(shop.tenant):
        call(bot_id=bot.pk)
        verbs = AuditEntry.objects.filter(subject_kind="vault.budget").order_by("id").values_list("verb", flat=True)
        assert list(verbs) == ["insert", "update"]
    assert client.delete(f"budgets/{budget['id']}/").status_code == 204


def test_a_budget_counts_what_was_spent_before_it_was_made_and_what_it_is_changed_to_count(api, shop):
    with in_tenant(shop.tenant):
        call(tokens=Tokens(0, 5000))
        call(tokens=Tokens(0, 10_000), bot_id=Bot.objects.get().pk)
    client = api(shop, shop.admin)
    made = client.post("budgets/", {"period": "month", "limit_amount": "5"}).json()
    assert (made["bot"], made["spent"]) == (None, "0.03")
    assert client.patch(f"budgets/{made['id']}/", {"bot": "shop"}).json()["spent"] == "0.02"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"period": "year"}, "period", "invalid_choice"),
        ({"limit_amount": "-1"}, "limit_amount", "negative"),
        ({"limit_amount": "much"}, "limit_amount", "invalid_amount"),
        ({"currency": "usd"}, "currency", "invalid"),
        ({"currency": "VND"}, "currency", "unpriced_currency"),
        ({"thresholds": [0]}, "thresholds.0", "min_value"),
        ({"thresholds": [101]}, "thresholds.0", "max_value"),
        ({"bot": "nobody"}, "bot", "unknown_reference"),
        ({"spent": "0"}, "spent", "unknown_field"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused_by_field(api, shop, body, field, code):
    answer = api(shop).post("budgets/", {"period": "day", "limit_amount": "1", **body})
    assert answer.status_code == 422
    assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [(field, code)]
    with in_tenant(shop.tenant):
        assert not Budget.objects.exists()


def test_two_budgets_of_the_same_reach_are_refused(api, shop):
    client = api(shop)
    assert client.post("budgets/", {"period": "day", "limit_amount": "1"}).status_code == 201
    again = client.post("budgets/", {"period": "day", "limit_amount": "2"})
    assert (again.status_code, again.json()["code"]) == (422, "unique")
    with in_tenant(shop.tenant):
        assert Budget.objects.get().limit_amount == Decimal(1)


def test_an_operator_looks_at_budgets_and_changes_none(api, shop):
    made = api(shop).post("budgets/", {"period": "day", "limit_amount": "1"}).json()
    client = api(shop, shop.operator)
    assert client.get("budgets/").json()["results"] == [made]
    assert client.patch(f"budgets/{made['id']}/", {"limit_amount": "9"}).status_code == 403
    assert client.post("model-prices/", {}).status_code in (403, 405)
    assert client.get(f"budgets/{made['id']}/").json() == made
