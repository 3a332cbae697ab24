"""Texts and questions embedded by a server of OpenAI's protocol: metered, never mixed, and never in a customer's way."""

import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from bots.models import Faq
from catalog.models import SearchVector
from catalog.search import embedding
from catalog.search.embedding import embed_due_texts, requeue_other_models
from catalog.search.query import search
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.vault import openai_server as server
from tests.vault.openai_server import KEY, openai_server
from vault.budgets import save_budget
from vault.models import Budget, ModelPrice, UsageEntry
from vault.providers import embeddings, metering

pytestmark = pytest.mark.django_db


@pytest.fixture
def remote(settings, monkeypatch):
    monkeypatch.setattr(metering, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(embeddings._Rest, "until", 0.0)
    embeddings._remembered.cache_clear()
    with openai_server() as found:
        found.width = 64
        settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL = "openai", "embed-test"
        settings.EMBEDDING_BASE_URL, settings.EMBEDDING_API_KEY = found.base_url, KEY
        yield found


def a_faq(question="Can I return it?"):
    return Faq.objects.create(question=question, answer="Within 30 days.", language="en")


def states():
    return dict(SearchVector.objects.values_list("text__title", "state"))


def found(query):
    return [hit.title for hit in search(query, kinds=["faq"], limit=5)]


def test_texts_and_questions_meet_in_the_servers_vectors_and_each_tenant_pays_its_own(saigon, harbour, remote):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            a_faq()
    assert embed_due_texts() == 2
    with in_tenant(saigon.tenant):
        assert set(SearchVector.objects.values_list("state", "model")) == {("done", "openai:embed-test:64")}
        hit = search("nruter nac", kinds=["faq"], limit=1)[0]  # no word of it: the letters alone are near
        assert (hit.title, hit.parts["text"]) == ("Can I return it?", 0)
    for business, calls in ((saigon, 2), (harbour, 1)):
        with in_tenant(business.tenant):
            assert UsageEntry.objects.filter(kind="embedding", state="settled", input_tokens=3).count() == calls


def test_a_question_asked_twice_is_embedded_once(saigon, remote):
    with in_tenant(saigon.tenant):
        a_faq()
        assert found("return") == found("return") == ["Can I return it?"]
    assert len(remote.asked) == 1


@pytest.mark.parametrize(
    "step", [server.error(500), server.error(401), server.error(429, "insufficient_quota"), server.slow(9)]
)
def test_a_server_that_fails_leaves_questions_to_be_answered_by_their_words(saigon, remote, monkeypatch, step):
    monkeypatch.setattr(embeddings, "QUESTION_SECONDS", 0.5)
    with in_tenant(saigon.tenant):
        a_faq()
        remote.script = [step]
        began = time.monotonic()
        assert found("may I return it") == ["Can I return it?"]
        assert found("how do I return it") == ["Can I return it?"]
        assert time.monotonic() - began < 2
        assert len(remote.asked) == 1  # the second question did not wait for a server that had just failed
        monkeypatch.setattr(embeddings._Rest, "until", 0.0)
        found("how do I return it")
        assert len(remote.asked) == 2


def test_a_question_the_server_refuses_silences_nobody_else(saigon, harbour, remote):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            a_faq()
    remote.script = [server.error(400, "context_length_exceeded")]
    with in_tenant(saigon.tenant):
        assert found("may I return it " * 50) == ["Can I return it?"]
    with in_tenant(harbour.tenant):
        found("nruter ti I naC")
    assert len(remote.asked) == 2


def test_a_budget_that_is_used_up_leaves_questions_to_their_words_and_texts_waiting(saigon, remote):
    with platform_scope(reason="prices are the platform's"):
        ModelPrice.objects.create(model="embed-test", input_price=1, valid_from=timezone.now() - timedelta(days=1))
    with in_tenant(saigon.tenant):
        save_budget(budget=Budget(limit_amount=0))
        a_faq()
        assert found("return") == ["Can I return it?"]
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert states() == {"Can I return it?": "pending"}
    assert remote.asked == []


def test_texts_wait_for_a_server_that_is_down_however_long(saigon, remote):
    with in_tenant(saigon.tenant):
        a_faq()
    for _ in range(8):
        remote.script = [server.error(503)] * 2
        embed_due_texts()
        with in_tenant(saigon.tenant):
            row = SearchVector.objects.get()
            assert (row.state, row.attempt) == ("pending", 0)
            assert row.due_at > timezone.now() + timedelta(seconds=20)
            SearchVector.objects.update(due_at=Now() - timedelta(seconds=1))
    assert embed_due_texts() == 1
    with in_tenant(saigon.tenant):
        assert states() == {"Can I return it?": "done"}


def test_a_text_the_server_refuses_holds_up_no_other(saigon, remote):
    with in_tenant(saigon.tenant):
        for question in ("one?", "two?", "three?"):
            a_faq(question)
    remote.script = [server.error(400), server.error(400)]  # the batch, then the first text alone
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert sorted(states().values()) == ["done", "done", "pending"]
        assert SearchVector.objects.get(state="pending").attempt == 1


def test_vectors_of_another_model_are_not_searched_and_embedded_anew(saigon, remote, settings):
    with in_tenant(saigon.tenant):
        a_faq()
    embed_due_texts()
    assert requeue_other_models() == 0
    settings.EMBEDDING_MODEL = "embed-newer"
    with in_tenant(saigon.tenant):
        assert found("nruter") == []
    assert requeue_other_models() == 1
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert SearchVector.objects.get().model == "openai:embed-newer:64"
        assert found("nruter ti I naC") == ["Can I return it?"]


def test_a_server_that_changes_the_width_is_never_compared_with_what_it_answered_before(saigon, remote):
    with in_tenant(saigon.tenant):
        a_faq()
    embed_due_texts()
    remote.width = 32
    with in_tenant(saigon.tenant):
        assert found("nruter ti I naC") == []


def test_texts_without_words_are_not_sent(saigon, remote, monkeypatch):
    monkeypatch.setattr(embedding, "BATCH", 1)
    with in_tenant(saigon.tenant):
        a_faq("?!")
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert states() == {"?!": "done"}
    assert remote.asked == []
