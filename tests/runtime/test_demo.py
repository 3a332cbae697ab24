"""The demo: what a new installation shows, loaded once however often, and finished when it was broken off."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from bots.models import Bot, Faq
from catalog.models import Offering, SearchVector
from runtime.demo import loading
from runtime.models import DecisionEvent, Session, Turn
from tenants.models import Membership, Tenant, User
from tenants.scope import platform_scope
from tests.conftest import in_tenant

pytestmark = pytest.mark.django_db

PASSWORD = "a demo password"
SLUGS = ["saigon-gadgets", "harbour-homes"]


def tenant(slug: str) -> Tenant:
    with platform_scope(reason="test"):
        return Tenant.objects.get(slug=slug)


def load(settings: Any, capsys: Any) -> Any:
    """Run the command; returns what it printed."""
    settings.DEMO_PASSWORD = PASSWORD
    call_command("load_demo")
    printed = capsys.readouterr().out
    return json.loads(printed.splitlines()[-1]) if printed else None


def snapshot() -> list[Any]:
    counted = []
    for slug in SLUGS:
        with in_tenant(tenant(slug)):
            models = (Offering, Bot, Faq, Membership, Session, Turn, DecisionEvent)
            counted.append([model.objects.count() for model in models])
            counted.append(list(Session.objects.order_by("id").values_list("created_at", "ended_at")))
    return counted


def test_the_demo_can_be_logged_in_to_and_looked_at(settings, capsys, api):
    printed = load(settings, capsys)
    assert printed["loaded"] == SLUGS
    assert printed["password"] == PASSWORD
    for email in printed["logins"][:-1]:
        answer = api().post("auth/token/", {"email": email, "password": PASSWORD})
        assert answer.status_code == 200, email
    root = User.objects.get(email="root@backroom.example")
    assert root.is_superuser
    assert root.check_password(PASSWORD)
    for slug in SLUGS:
        with in_tenant(tenant(slug)):
            assert Offering.objects.filter(status="active").count() >= 20
            assert Faq.objects.count() >= 30
            assert not SearchVector.objects.exclude(state="done").exists()
            assert {"faq", "catalog", "handoff"} == set(DecisionEvent.objects.values_list("tier", flat=True))
    assert_conversations_lie_in_the_past_in_their_order()

    before = snapshot()
    assert load(settings, capsys) is None
    assert snapshot() == before


def assert_conversations_lie_in_the_past_in_their_order() -> None:
    now = timezone.now()
    for slug in SLUGS:
        with in_tenant(tenant(slug)):
            sessions = list(Session.objects.order_by("id"))
            began = [session.created_at for session in sessions]
            assert began == sorted(began)
            assert (now - began[0]).days >= 10
            assert all(session.ended_at for session in sessions if (now - session.created_at).days >= 1)
            for session in sessions:
                times = [session.created_at, *session.turns.order_by("id").values_list("created_at", flat=True)]
                assert times == sorted(times)
                assert times[-1] <= now
                asked = {turn.pk: turn.created_at for turn in session.turns.all()}
                assert all(asked[row.input_turn_id] == row.created_at for row in session.decisions.all())


@pytest.mark.slow
def test_a_load_that_was_broken_off_is_finished(settings, capsys, monkeypatch):
    said: list[str] = []

    def die_at_the_tenth(**message: Any) -> Any:
        said.append(message["message"])
        if len(said) == 10:
            raise KeyboardInterrupt
        return take_turn(**message)

    take_turn = loading.take_turn
    with monkeypatch.context() as patched:
        patched.setattr(loading, "take_turn", die_at_the_tenth)
        with pytest.raises(KeyboardInterrupt):
            load(settings, capsys)
    assert load(settings, capsys)["loaded"] == SLUGS
    given = json.loads(loading.CONVERSATIONS.read_text())
    for slug in SLUGS:
        with in_tenant(tenant(slug)):
            assert Session.objects.count() == len(given[slug])
            assert Turn.objects.filter(speaker="user").count() == sum(len(one["messages"]) for one in given[slug])
            assert Bot.objects.count() == 1
            assert set(Session.objects.values_list("ext_metadata__origin", flat=True)) == {"demo"}
    assert load(settings, capsys) is None
