"""What a turn looks for is one statement, prepared on each connection: it finds what it finds unprepared."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from bots.guardrails import Verdict
from bots.models import Faq, Intent, IntentExample
from catalog.models import Offering
from runtime.context import TurnContext
from runtime.models import Session
from runtime.turn import load
from tests.conftest import Business, in_tenant
from tests.runtime.test_ownership import open_session
from tests.runtime.test_turn import sell

PRICES = ("1490000", "3000000000", "350000")
BOUNDS = [(None, Decimal("1490000.5")), (Decimal("2999999999.5"), None), (Decimal("350000.5"), Decimal("1489999.5"))]


def looked_for(session: Session) -> list[TurnContext]:
    """Return contexts that look for everything there is, within no bounds and within those of ``BOUNDS``."""
    heard = load(session_id=session.pk, turn_id=None, message="any lamp?", external_id="", ui_event=None).context
    context = replace(heard, knows_intents=True, has_documents=True, has_model=True)
    question = replace(context.question, currency="VND", subject="lamp")
    contexts = [replace(context), replace(context, limits_collections=True)]
    for low, high in BOUNDS:
        bounded = replace(context)
        bounded.__dict__["question"] = replace(question, min_price=low, max_price=high)
        contexts.append(bounded)
    return contexts


def found(context: TurnContext) -> list[tuple[str, str]]:
    """Look it up anew and return what was looked for and the title of what was found."""
    again = replace(context)
    again.__dict__["question"] = context.question
    return sorted((row.look, row.candidate[2]) for row in again._found)


@pytest.mark.django_db(transaction=True)
def test_a_prepared_look_up_finds_what_it_finds_unprepared(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        session = open_session()
        for number, amount in enumerate(PRICES):
            sell(f"Lamp {number}", "lamps", amount, 1)
        Faq.objects.create(question="Is any lamp dimmable?", answer="All of them are.", language="en")
        IntentExample.objects.create(intent=Intent.objects.create(code="lamps", name="Lamps"), text="a lamp", language="en")
        for context, lamps in zip(looked_for(session), [(0, 1, 2), (0, 1, 2), (0, 2), (1,), ()], strict=True):
            with transaction.atomic():  # where nothing is prepared
                plain = found(context)
            assert [title for look, title in plain if look == "offering"] == [f"Lamp {number}" for number in lamps]
            assert {look for look, _title in plain} >= {"intent", "faq"}
            # A statement is planned anew the first five times, then perhaps once for all.
            assert [found(context) for _time in range(7)] == [plain] * 7
        assert Offering.objects.count() == len(PRICES)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", ["%search_candidates%"])
            assert cursor.fetchone() >= (3,)


@pytest.mark.django_db
def test_what_a_rule_had_looked_up_is_not_looked_up_again(saigon: Business, django_assert_num_queries: Any) -> None:
    with in_tenant(saigon.tenant):
        session = open_session()
        Faq.objects.create(question="Is any lamp dimmable?", answer="All of them are.", language="en")
        context = looked_for(session)[0]
        with django_assert_num_queries(1):
            assert context.hits.get("nothing") is None
        for text in (context.message, "any ***?"):
            heard = context.after_hearing(Verdict(text, None, ()))
            with django_assert_num_queries(0):
                assert [hit.title for hit in heard.hits["faq"]] == ["Is any lamp dimmable?"]
                assert heard.share_of(heard.hits["faq"][0]) <= 1
