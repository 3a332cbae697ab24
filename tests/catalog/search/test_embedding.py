"""The vectors follow their texts in the background, and nothing that goes wrong on the way loses or mixes them."""

from datetime import timedelta

import numpy as np
import pytest
from django.db.models.functions import Now

from bots.models import Faq
from catalog.models import SearchVector
from catalog.search import embedding
from catalog.search.embedding import embed_batch, embed_due_texts, requeue_other_models
from catalog.tasks import embed_texts
from config.celery import app
from tenants.models import Tenant
from tenants.queue import claim
from tenants.scope import platform_scope
from tests.conftest import in_tenant
from tests.rows import an_offering
from vault.providers.embeddings import embed
from vault.providers.offline import MODEL

pytestmark = pytest.mark.django_db


def a_faq(question="Can I return it?", answer="Within 30 days."):
    return Faq.objects.create(question=question, answer=answer, language="en")


def vector():
    return SearchVector.objects.get()


def test_the_task_embeds_what_every_tenant_has_waiting(saigon, harbour):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            an_offering("Lamp")
            a_faq()
    embed_texts()
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            assert set(SearchVector.objects.values_list("state", "model")) == {("done", MODEL)}
            assert not SearchVector.objects.filter(embedding=None).exists()


def test_beat_ticks_often_enough_for_a_vector_within_ten_seconds():
    tick = app.conf.beat_schedule["embeddings"]
    assert tick["task"] == embed_texts.name
    assert tick["schedule"] <= 5


def test_a_faq_is_embedded_by_its_question_and_kept_at_unit_length(saigon):
    with in_tenant(saigon.tenant):
        a_faq("Can I return it?")
    embed_due_texts()
    with in_tenant(saigon.tenant):
        stored = vector().embedding
    assert np.allclose(stored, embed(["Can I return it?"]).vectors[0], atol=1e-6)
    assert np.linalg.norm(stored) == pytest.approx(1, abs=1e-5)


def test_a_text_without_words_is_done_without_a_vector(saigon):
    with in_tenant(saigon.tenant):
        a_faq("?!", "…")
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert (vector().state, vector().embedding) == ("done", None)


def test_more_texts_than_one_batch_are_all_embedded(saigon, monkeypatch):
    monkeypatch.setattr(embedding, "BATCH", 3)
    with in_tenant(saigon.tenant):
        Faq.objects.bulk_create(Faq(question=f"Question {n}?", answer="Yes", language="en") for n in range(8))
    assert embed_due_texts() == 8
    with in_tenant(saigon.tenant):
        assert SearchVector.objects.filter(state="done", embedding__isnull=False).count() == 8


def test_a_text_changed_while_it_is_embedded_gets_the_vector_of_its_new_words(saigon, monkeypatch):
    with in_tenant(saigon.tenant):
        faq = a_faq("Old question?")

    def embed_slowly(texts):
        Faq.objects.filter(pk=faq.pk).update(question="New question?")
        return embed(texts)

    with in_tenant(saigon.tenant):
        monkeypatch.setattr(embedding, "embed", embed_slowly)
        embed_batch(claim(SearchVector, limit=10))
        assert (vector().state, vector().embedding) == ("pending", None)
        monkeypatch.setattr(embedding, "embed", embed)
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert np.allclose(vector().embedding, embed(["New question?"]).vectors[0], atol=1e-6)


def test_the_late_result_of_a_worker_does_not_pass_for_the_newer_texts(saigon):
    with in_tenant(saigon.tenant):
        faq = a_faq("Old question?")
        late = claim(SearchVector, limit=10)
        Faq.objects.filter(pk=faq.pk).update(question="New question?")
        current = claim(SearchVector, limit=10)
        assert late[0].attempt == current[0].attempt == 1
        embed_batch(late)
        assert (vector().state, vector().embedding) == ("running", None)
        embed_batch(current)
        assert np.allclose(vector().embedding, embed(["New question?"]).vectors[0], atol=1e-6)


def test_the_rows_of_a_worker_that_was_killed_are_taken_up_after_its_lease(saigon):
    with in_tenant(saigon.tenant):
        a_faq()
        dead = claim(SearchVector, limit=10)
    assert embed_due_texts() == 0
    with in_tenant(saigon.tenant):
        SearchVector.objects.update(due_at=Now() - timedelta(seconds=1))
    assert embed_due_texts() == 1
    with in_tenant(saigon.tenant):
        assert (vector().state, vector().attempt) == ("done", 3)
        embed_batch(dead)
        assert (vector().state, vector().attempt) == ("done", 3)


def test_the_queue_needs_no_redis(saigon, settings, monkeypatch):
    monkeypatch.setattr(app.conf, "broker_url", "redis://127.0.0.1:1/0")
    with in_tenant(saigon.tenant):
        a_faq()
    assert embed_due_texts() == 1


def test_an_owner_deleted_while_it_is_embedded_leaves_nothing(saigon):
    with in_tenant(saigon.tenant):
        a_faq()
        rows = claim(SearchVector, limit=10)
        Faq.objects.all().delete()
        embed_batch(rows)
        assert not SearchVector.objects.exists()


def test_vectors_of_an_earlier_model_are_embedded_anew(saigon):
    with in_tenant(saigon.tenant):
        a_faq()
    embed_due_texts()
    with in_tenant(saigon.tenant):
        SearchVector.objects.update(model="earlier-model")
    assert requeue_other_models() == 1
    assert requeue_other_models() == 0
    embed_due_texts()
    with in_tenant(saigon.tenant):
        assert (vector().state, vector().model) == ("done", MODEL)


def test_a_text_that_cannot_be_embedded_holds_up_no_other(saigon, harbour, monkeypatch):
    def chokes(texts):
        if any("poison" in text for text in texts):
            raise ValueError("cannot read this")
        return embed(texts)

    monkeypatch.setattr(embedding, "embed", chokes)
    with in_tenant(saigon.tenant):
        a_faq("poison?")
        a_faq("Can I return it?")
    with in_tenant(harbour.tenant):
        a_faq("Where are you?")
    embed_due_texts()
    with in_tenant(saigon.tenant):
        states = dict(SearchVector.objects.values_list("text__title", "state"))
        assert states == {"poison?": "pending", "Can I return it?": "done"}
        assert SearchVector.objects.get(state="pending").last_error == "cannot read this"
    with in_tenant(harbour.tenant):
        assert vector().state == "done"


def set_status(business, status):
    with platform_scope(reason="test"):
        Tenant.objects.filter(pk=business.tenant.pk).update(status=status)


def test_nothing_is_written_for_a_tenant_suspended_while_its_texts_are_embedded(saigon, harbour, monkeypatch):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            a_faq()

    def embed_slowly(texts):
        set_status(saigon, Tenant.Status.SUSPENDED)
        return embed(texts)

    monkeypatch.setattr(embedding, "embed", embed_slowly)
    with in_tenant(saigon.tenant):
        rows = claim(SearchVector, limit=10)
        embed_batch(rows)
        assert (vector().state, vector().embedding) == ("running", None)
    monkeypatch.setattr(embedding, "embed", embed)
    assert embed_due_texts() == 1  # harbour's
    set_status(saigon, Tenant.Status.ACTIVE)
    with in_tenant(saigon.tenant):
        SearchVector.objects.update(due_at=Now() - timedelta(seconds=1))
    assert embed_due_texts() == 1
    with in_tenant(saigon.tenant):
        assert (vector().state, vector().embedding is None) == ("done", False)


def test_texts_tried_one_by_one_stop_when_the_tenant_is_suspended(saigon, monkeypatch):
    asked = []

    def chokes(texts):
        asked.append(texts)
        if len(texts) == 1:
            set_status(saigon, Tenant.Status.SUSPENDED)
        raise ValueError("cannot read this")

    monkeypatch.setattr(embedding, "embed", chokes)
    with in_tenant(saigon.tenant):
        for number in range(3):
            a_faq(f"Question {number}?")
    embed_due_texts()
    assert [len(texts) for texts in asked] == [3, 1]
