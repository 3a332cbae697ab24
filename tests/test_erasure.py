"""Forgetting a customer: their words are planted in every column they can reach, and then no table has them any more.

Which tables hang on a customer is read from the models: a new one without a row here fails. What a table holds is asked
of the database itself, row by row as text.
"""

import json
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction

from bots.models import BotMemory, Faq, RetrievalMark
from catalog.customers import merge_customers
from catalog.erasure import erase_customer
from catalog.models import Customer, CustomerMerge, Erasure, Order, OrderEntry, OrderLine, SalesChannel
from reports.emails import queue_email, write_email
from reports.models import (
    EmailDelivery,
    EmailMessage,
    InsightDelivery,
    InsightOptOut,
    InsightSubscription,
    MailAttachment,
    MailMessage,
    ReportRow,
)
from runtime.models import KnowledgeGap, Schedule, SemanticCacheEntry, Session, Turn
from runtime.schedules import save_schedule
from runtime.targets import Author
from tenants.audit import seal_all, verify
from tenants.erasure import text_columns
from tenants.events import record_event
from tenants.models import AuditEntry, Event, IdempotencyKey, TaskRun
from tenants.scope import platform_scope
from tenants.storage import open_file
from tests.conftest import Business, in_tenant
from tests.rows import a_cached_answer, a_delivery, a_gap, a_mark, make_row
from tests.tenants.admin_pages import browser, page, text_of
from vault.models import EventDelivery

pytestmark = pytest.mark.django_db

WORD = "zq7351xw"
"""What the customer said: short enough for any column, and in no other row."""
PHONE, NAME, EXTERNAL = "0977 735 135", "Zebrina Quagga", "psid-8853217"

OUR_OWN = {OrderLine: "what was bought, as the business calls it"}
"""Tables that hang on a customer and hold no word of theirs."""
WHO = ("name", "phone", "email")
"""Columns of the customer that say who it is."""


def hanging_on(root: type[models.Model]) -> list[type[models.Model]]:
    """Return every model that leads to the root by keys, in a breadth-first order."""
    found: list[type[models.Model]] = [root]
    for model in found:
        found += [rel.related_model for rel in model._meta.related_objects if rel.related_model not in found]
    return found


def plant(row: models.Model) -> Iterator[str]:
    """Write the word into every column of words; yields those that refuse it."""
    model: Any = type(row)
    for name in text_columns(model):
        if model is Customer and name in WHO:
            continue
        column = model._meta.get_field(name)
        value: Any = WORD
        if isinstance(column, models.JSONField):
            value = [{"said": WORD}] if column.get_default() == [] else {"said": WORD}
        elif hasattr(column, "base_field"):
            value = [WORD]
        if isinstance(column, models.CharField) and (column.max_length or 0) < len(WORD):
            continue
        try:
            with transaction.atomic():
                model.objects.filter(pk=row.pk).update(**{name: value})
        except DatabaseError:
            yield f"{model._meta.label_lower}.{name}"


def everything_of(customer: Customer) -> list[str]:
    """Give the customer a row in every table that hangs on customers, full of their words; returns the columns that refuse."""
    refused: list[str] = []
    mine: dict[type[models.Model], Any] = {Customer: customer}
    for model in hanging_on(Customer):
        if model is Customer:
            continue
        row = mine[model] = (
            OrderEntry.objects.create(order=mine[Order], kind="note", text=WORD) if model is OrderEntry else make_row(model)
        )
        keys = [key for key in model._meta.concrete_fields if key.is_relation and key.related_model in mine]
        pointed = {key.name: mine[key.related_model] for key in keys if key.related_model is not model}
        if model is CustomerMerge:
            pointed["source"] = Customer.objects.create(name=WORD, merged_into=customer)
        with suppress(DatabaseError), transaction.atomic():
            model._default_manager.filter(pk=row.pk).update(**pointed)
        refused += plant(row) if model not in OUR_OWN and model is not OrderEntry else []
    refused += plant(customer)
    return refused


def where(text: str) -> dict[str, int]:
    """Return the tables in which some row, as text, holds the text in any case or its bytes, and how many."""
    with platform_scope(reason="test"), connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = [table for (table,) in cursor.fetchall()]
        found = {}
        for table in tables:
            wanted = [[f"%{text}%", f"%{text.encode().hex()}%"]]
            cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text ILIKE ANY (%s)', wanted)
            found[table] = cursor.fetchone()[0]
    return {table: count for table, count in found.items() if count}


@pytest.fixture
def customer(saigon: Business) -> Customer:
    with in_tenant(saigon.tenant):
        customer: Customer = Customer.objects.create(name=NAME, phone=PHONE, email="zq@quagga.example")
        customer.identities.create(channel=SalesChannel.objects.get(code="web"), external_id=EXTERNAL)
        return customer


def of_their_words(customer: Customer) -> None:
    """Write what was made of their words, and what merely mentions them: no key leads there."""
    turn = Turn.objects.filter(session__customer=customer).latest("id")
    said = f"Does {WORD} come in blue?"
    Turn.objects.filter(pk=turn.pk).update(speaker="user", message=said)
    KnowledgeGap.objects.filter(pk=a_gap().pk).update(question="Blue?", question_key=f"blue come does {WORD}")
    KnowledgeGap.objects.filter(pk=a_gap().pk).update(question=said)
    from bots.marks import mark_key
    from runtime.cache import keys_of

    RetrievalMark.objects.filter(pk=a_mark().pk).update(question=said, question_key=mark_key(said))
    key = keys_of(said, "en")[0]
    SemanticCacheEntry.objects.filter(pk=a_cached_answer().pk).update(query_text=said, query_key=key)
    BotMemory.objects.filter(pk=make_row(BotMemory).pk).update(value=f"call {PHONE}")
    told = {"at": f"POST /sessions/{turn.session_id}/turns/", "text": f'{{"message": "{WORD}"}}'}
    IdempotencyKey.objects.filter(pk=make_row(IdempotencyKey).pk).update(route=told["at"], answer={"text": told["text"]})
    for to in ([customer.email], [customer.email, "staff@x.example"]):
        mail = queue_email(email=write_email(subject="Hello", body="x", to=to))
        EmailDelivery.objects.filter(email=mail).update(state="done", sent_at="2026-11-22T00:00Z")
    subscribed = {"recipient_type": "address", "address": customer.email, "channel": "email"}
    InsightSubscription.objects.create(**subscribed)
    InsightDelivery.objects.create(**subscribed, frequency="at_once", key="x", insights=[], keys=[])
    InsightOptOut.objects.create(address=customer.email)
    MailMessage.objects.filter(pk=make_row(MailMessage).pk).update(sender=f"Z <{customer.email}>", text=said, html=said)
    MailAttachment.objects.filter(pk=make_row(MailAttachment).pk).update(name=f"{PHONE}.pdf")
    ReportRow.objects.filter(pk=make_row(ReportRow).pk).update(cells=["1", f"Call {PHONE}", 2])
    TaskRun.objects.filter(pk=make_row(TaskRun).pk).update(output={"called": PHONE, "said": WORD})
    EventDelivery.objects.filter(pk=a_delivery().pk).update(body=f'{{"phone": "{PHONE}"}}', answer=NAME)
    record_event("session.ended", data={"name": NAME})
    SalesChannel.objects.filter(code="web").update(name=f"Ask {NAME}")
    SalesChannel.objects.filter(code="web").update(name="Web")


def test_after_it_no_table_has_a_word_of_theirs_and_the_audit_still_holds(saigon, harbour, customer):
    with in_tenant(saigon.tenant):
        kept = set(Order.objects.values_list("pk", flat=True))
        assert everything_of(customer) == []  # every column took it
        of_their_words(customer)
        order = Order.objects.get(customer=customer)
    with in_tenant(harbour.tenant):
        for model in (Turn, Order):
            make_row(model)
    seal_all()
    planted = where(WORD)
    assert len(planted) >= 15, planted
    assert {"runtime_turn", "runtime_knowledgegap", "catalog_searchtext", "tenants_auditentry"} <= set(planted)
    assert "tenants_auditentry" in where(NAME)

    told = run(saigon, customer.pk)

    for text in (WORD, NAME, PHONE, EXTERNAL, "quagga"):
        assert where(text) == {}, text
    with in_tenant(saigon.tenant):
        assert {row.pk for row in Order.objects.all()} >= {*kept, order.pk}
        shell = Order.objects.get(pk=order.pk).customer
        assert (str(shell), shell.phone, shell.tags, shell.metadata) == ("Erased customer", "", [], {})
        assert not Session.objects.filter(customer=shell).exists()
        assert verify().broken == ""
        assert AuditEntry.objects.exclude(erased_digest=None).exists()
        assert [mail.to for mail in EmailMessage.objects.filter(subject="Hello")] == [["staff@x.example"]]
        row = ReportRow.objects.select_related("report__file").get(cells=["1", "[erased]", 2])
        assert open_file(row.report.file).read().decode().splitlines()[-1] == "1,[erased],2"
        assert row.report.file.name.endswith(".csv")
    assert told["found_elsewhere"] == []
    assert told["deleted"]["runtime.session"] >= 1
    assert {one["kind"] for one in told["kept"]} >= {"catalog.order", "reports.mailmessage"}
    with in_tenant(harbour.tenant):
        assert Turn.objects.exists()
        assert Order.objects.exists()


def test_a_telephone_number_is_found_however_it_is_written(saigon):
    written = ["+84 90 123 45 67", "(090) 123.4567", "0084-901-234-567", 901234567, "84901234567"]
    others = ["0901234568", "+84 90 123 45 6", 901234568]
    with in_tenant(saigon.tenant):
        customer = Customer.objects.create(name="An", phone="0901234567")
        ReportRow.objects.filter(pk=make_row(ReportRow).pk).update(cells=[*written, *others])
        faq = Faq.objects.create(question="Who?", answer="Call 090 123 4567.", language="en")
        SalesChannel.objects.filter(code="web").update(name="Call +84 90 123 45 67")
        SalesChannel.objects.filter(code="web").update(name="Web")
    told = run(saigon, customer.pk)
    with in_tenant(saigon.tenant):
        row = ReportRow.objects.select_related("report__file").get(cells__contains=["[erased]"])
        assert row.cells == ["[erased]"] * len(written) + others
        assert open_file(row.report.file).read().decode().count("[erased]") == len(written)
        assert not AuditEntry.objects.filter(after__name__contains="+84 90").exists()
    assert {"kind": "bots.faq", "count": 1, "ids": [str(faq.pk)]} in told["found_elsewhere"]
    assert "tenants.storedfile" in {one["kind"] for one in told["kept"]}


def run(business: Business, customer_id: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("erase_customer", business.tenant.slug, str(customer_id), stdout=out)
    return json.loads(out.getvalue())


def test_others_who_say_the_same_or_are_called_alike_lose_nothing(saigon, customer):
    with in_tenant(saigon.tenant):
        other = make_row(Turn)
        Session.objects.filter(pk=other.session_id).update(customer=Customer.objects.create(name=NAME))
        before = (Turn.objects.count(), Customer.objects.count(), Event.objects.count())
    run(saigon, customer.pk)
    with in_tenant(saigon.tenant):
        assert (Turn.objects.count(), Customer.objects.count(), Event.objects.count()) == (
            before[0],
            before[1] - 1,
            before[2],
        )


def test_where_the_businesss_own_texts_mention_them_the_proof_says_so(saigon, customer):
    with in_tenant(saigon.tenant):
        faq = Faq.objects.create(question="Who is my contact?", answer=f"Call {PHONE}", language="en")
    told = run(saigon, customer.pk)
    assert {"kind": "bots.faq", "count": 1, "ids": [str(faq.pk)]} in told["found_elsewhere"]
    with in_tenant(saigon.tenant):
        faq.refresh_from_db()
        assert PHONE in faq.answer


def test_a_name_of_one_word_is_looked_for_between_the_ends_of_words_and_nothing_is_changed_by_it(saigon):
    with in_tenant(saigon.tenant):
        mai = Customer.objects.create(name="Mai")
        texts = ("Ask Mai, she knows.", "We ship to Mailand.", "Hẹn bạn ngày mai.")
        named, *others = [Faq.objects.create(question="Who?", answer=text, language="en") for text in texts]
    told = run(saigon, mai.pk)
    (found,) = [one for one in told["maybe_elsewhere"] if one["kind"] == "bots.faq"]
    assert (found["count"], found["ids"]) == (1, [str(named.pk)])
    assert told["found_elsewhere"] == []
    with in_tenant(saigon.tenant):
        assert [Faq.objects.get(pk=one.pk).answer for one in (named, *others)] == list(texts)
        proof = page("catalog_erasure_change", Erasure.objects.get().pk)
        full = Customer.objects.create(name=NAME)
    assert str(named.pk)[-6:] in text_of(browser(saigon.owner).get(proof))
    assert run(saigon, full.pk)["maybe_elsewhere"] == []


def test_a_full_name_without_diacritics_is_erased_beside_a_number_of_theirs_and_told_where_it_stands_alone(saigon):
    written = ["NGUYEN THI HONG VAN", "Nguyễn  thị Hồng vân", unicodedata.normalize("NFD", "Nguyễn Thị Hồng Vân")]
    others = ["NGUYEN THI HONG VANG", "Nguyen Hong Van", "Ha Noi", 12]
    with in_tenant(saigon.tenant):
        van = Customer.objects.create(name="Nguyễn Thị Hồng Vân", phone="0901234567", email="van@example.com")
        theirs, alone = make_row(ReportRow), make_row(ReportRow)
        ReportRow.objects.filter(pk=theirs.pk).update(cells=["0901 234 567", *written, *others])
        ReportRow.objects.filter(pk=alone.pk).update(cells=["NGUYEN THI HONG VAN", "room 12"])
        faqs = [
            Faq.objects.create(question="Who?", answer=one, language="en") for one in ("Ask NGUYEN THI HONG VAN.", others[0])
        ]
    told = run(saigon, van.pk)
    with in_tenant(saigon.tenant):
        row = ReportRow.objects.select_related("report__file").get(pk=theirs.pk)
        assert row.cells == ["[erased]"] * 4 + others
        assert b"HONG VAN," not in open_file(row.report.file).read()
        assert ReportRow.objects.get(pk=alone.pk).cells == ["NGUYEN THI HONG VAN", "room 12"]
        assert faqs[0].answer == Faq.objects.get(pk=faqs[0].pk).answer
    maybe = {one["kind"]: one["ids"] for one in told["maybe_elsewhere"]}
    assert (maybe["bots.faq"], maybe["reports.reportrow"]) == ([str(faqs[0].pk)], [str(alone.pk)])


def test_schedules_mail_them_no_more_and_one_that_mailed_nobody_else_is_paused(saigon, customer):
    mail = {"kind": "email", "subject": "Happy birthday", "body": "All the best"}
    with in_tenant(saigon.tenant):
        author = Author(manages_credentials=True)
        alone, shared = (
            save_schedule(
                schedule=Schedule(cron="0 8 1 5 *", time_zone="Asia/Saigon", target={**mail, "to": to}), author=author
            )
            for to in ([f"Z <{customer.email}>"], [customer.email.upper(), "staff@x.example"])
        )
    told = run(saigon, customer.pk)
    with in_tenant(saigon.tenant):
        found = {row.pk: (row.target["to"], row.is_active, row.next_run is None) for row in Schedule.objects.all()}
    assert found[alone.pk] == ([], False, True)
    assert found[shared.pk] == (["staff@x.example"], True, False)
    assert told["emptied"]["runtime.schedule"] == 2
    assert [one["count"] for one in told["kept"] if one["kind"] == "runtime.schedule"] == [1]
    assert told["found_elsewhere"] == []
    assert where("quagga.example") == {}


def test_an_owner_erases_on_the_customers_page_and_gets_the_proof_and_an_operator_does_not(saigon, customer):
    address = page("catalog_customer_erase", customer.pk)
    assert browser(saigon.operator).post(address).status_code == 403
    person = browser(saigon.owner)
    assert "Orders stay, without the person." in text_of(person.get(address))
    assert where(NAME) != {}
    told = text_of(person.post(address, follow=True))
    assert "The customer is forgotten." in told
    assert "Customer identities: 1" in told
    assert str(customer.pk) in text_of(person.get(page("catalog_erasure_changelist")))
    assert where(NAME) == where(PHONE) == {}


def test_all_who_were_merged_are_one_person_and_the_second_time_tells_the_same(saigon, customer):
    with in_tenant(saigon.tenant):
        other = Customer.objects.create(name="Zoe Quagga", phone="0988 111 222")
        merge_customers(source=other, into=customer)
    first = run(saigon, other.pk)
    assert set(first["customer_ids"]) == {str(customer.pk), str(other.pk)}
    assert where("0988 111 222") == where(NAME) == {}
    assert run(saigon, customer.pk) == run(saigon, other.pk) == first
    with in_tenant(saigon.tenant):
        assert Erasure.objects.count() == 1


def test_an_unknown_customer_and_one_of_another_tenant_are_refused(saigon, harbour, customer):
    for business, one in ((saigon, uuid.uuid4()), (harbour, customer.pk)):
        with pytest.raises(CommandError, match="no such customer"):
            run(business, one)
    with in_tenant(saigon.tenant):
        assert Customer.objects.filter(pk=customer.pk, name=NAME).exists()


def test_killed_on_the_way_it_has_forgotten_nothing(saigon, customer, monkeypatch):
    monkeypatch.setattr("catalog.erasure.asdict", lambda report: (_ for _ in ()).throw(KeyboardInterrupt))
    with in_tenant(saigon.tenant):
        everything_of(customer)
        before = where(NAME)
        with pytest.raises(KeyboardInterrupt):
            erase_customer(customer_id=customer.pk)
        assert where(NAME) == before


@pytest.mark.parametrize(
    "change",
    [
        'UPDATE tenants_auditentry SET after = \'{"name": "x"}\'',
        "UPDATE tenants_auditentry SET after = tenants_audit_erased(after, '{%}', '{}')",
        "UPDATE tenants_auditentry SET erased_digest = '\\x00'",
        "UPDATE tenants_auditentry SET after = NULL, erased_digest = tenants_audit_digest(tenants_auditentry)",
        "UPDATE tenants_auditentry SET verb = 'delete'",
    ],
)
def test_an_entry_of_the_audit_can_lose_values_and_never_get_others(saigon, change):
    with in_tenant(saigon.tenant):
        make_row(SalesChannel)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
