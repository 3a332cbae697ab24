"""The index is right at commit, however an offering or a FAQ is written."""

from threading import Thread

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from bots.models import Bot, Faq
from catalog.models import Offering, OfferingVersion, SearchText, SearchVector, Variant
from tenants.scope import platform_scope
from tenants.text import words
from tests.conftest import in_tenant
from tests.rows import an_offering

pytestmark = pytest.mark.django_db


def indexed(kind="offering"):
    return {text.title: text.body for text in SearchText.objects.filter(kind=kind)}


def queued():
    return SearchVector.objects.filter(state="pending").count()


@pytest.fixture(autouse=True)
def scope(saigon):
    with in_tenant(saigon.tenant):
        yield


def test_an_offering_is_found_by_name_description_category_tags_attributes_and_variants():
    offering = Offering.objects.create(code="tee", status="active", category="Shirts", tags=["summer", "sale"])
    OfferingVersion.objects.create(
        offering=offering,
        version=1,
        name="Linen tee",
        status="active",
        description="<p>Soft &amp; light.<br>Fits <b>all</b></p><script>alert('x')</script>",
        attributes={"fabric": "linen", "sizes": ["S", "M"], "washable": True, "lined": False, "care": {"water": 30}},
    )
    Variant.objects.create(offering=offering, sku="TEE-RED-M", name="Red / M", attributes={"Color": "Red"})
    Variant.objects.create(offering=offering, sku="TEE-OLD", status="archived", position=1)
    body = indexed()["Linen tee"]
    assert body.split("\n") == [
        "Soft & light. Fits all",
        "Shirts",
        "summer, sale",
        "care: 30, fabric: linen, sizes: S M, washable",
        "TEE-RED-M Red / M Color: Red",
    ]


@pytest.mark.parametrize("status", ["draft", "archived"])
def test_an_offering_that_is_not_active_is_not_found(status):
    offering = an_offering("Lamp")
    Offering.objects.filter(pk=offering.pk).update(status=status)
    assert indexed() == {}
    assert not SearchVector.objects.exists()
    Offering.objects.filter(pk=offering.pk).update(status="active")
    assert "Lamp" in indexed()


def test_another_version_made_active_takes_the_place_of_the_first():
    offering = an_offering("Lamp")
    OfferingVersion.objects.create(offering=offering, version=2, name="Better lamp")
    assert list(indexed()) == ["Lamp"]
    offering.versions.filter(version=1).update(status="archived")
    assert indexed() == {}
    offering.versions.filter(version=2).update(status="active")
    assert list(indexed()) == ["Better lamp"]


def test_a_variant_renamed_moved_or_deleted_changes_what_its_offerings_are_found_by():
    lamp, chair = an_offering("Lamp"), an_offering("Chair")
    Variant.objects.create(offering=lamp, sku="L-1")
    Variant.objects.filter(sku="L-1").update(sku="L-2")
    assert indexed() == {"Lamp": "L-2", "Chair": ""}
    Variant.objects.filter(sku="L-2").update(offering=chair)
    assert indexed() == {"Lamp": "", "Chair": "L-2"}
    Variant.objects.all().delete()
    assert indexed() == {"Lamp": "", "Chair": ""}


def test_rows_written_in_bulk_by_sql_are_indexed_too(saigon):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_offering (tenant_id, code, offering_type, category, tags, identity_key, status, metadata) "
            "SELECT %s, 'bulk-' || n, 'physical', '', '{}', '', 'active', '{}' FROM generate_series(1, 30) n",
            [saigon.tenant.pk],
        )
        cursor.execute(
            "INSERT INTO catalog_offeringversion (tenant_id, offering_id, version, name, description, status) "
            "SELECT tenant_id, id, 1, 'Name ' || code, '', 'active' FROM catalog_offering WHERE tenant_id = %s",
            [saigon.tenant.pk],
        )
    assert len(indexed()) == 30
    assert queued() == 30


def test_a_faq_is_indexed_word_for_word_with_its_bot_language_and_priority():
    bot = Bot.objects.create(code="shop", name="Shop")
    Faq.objects.create(question="Ship <24h?", answer="Có ạ, <b>24 giờ</b>.", language="vi", priority=7, bot=bot)
    text = SearchText.objects.get(kind="faq")
    assert (text.title, text.body) == ("Ship <24h?", "Có ạ, <b>24 giờ</b>.")
    assert (text.bot_id, text.language, text.priority) == (bot.pk, "vi", 7)
    assert SearchVector.objects.get().bot_id == bot.pk


def test_a_faq_switched_off_disappears_and_comes_back_when_switched_on():
    faq = Faq.objects.create(question="Hours?", answer="9 to 5", language="en")
    faq.is_active = False
    faq.save()
    assert indexed("faq") == {}
    assert not SearchVector.objects.exists()
    faq.is_active = True
    faq.save()
    assert indexed("faq") == {"Hours?": "9 to 5"}
    assert queued() == 1


def test_several_faqs_in_one_statement_are_each_put_right():
    Faq.objects.bulk_create(Faq(question=f"Question {n}?", answer="Yes", language="en", is_active=n != 2) for n in range(4))
    assert sorted(indexed("faq")) == ["Question 0?", "Question 1?", "Question 3?"]
    Faq.objects.filter(question__in=["Question 0?", "Question 2?"]).update(is_active=True, answer="No")
    assert [indexed("faq")[f"Question {n}?"] for n in range(4)] == ["No", "Yes", "No", "Yes"]
    Faq.objects.exclude(question="Question 3?").update(is_active=False)
    assert list(indexed("faq")) == ["Question 3?"]


def test_deleting_the_owner_leaves_nothing():
    offering = an_offering("Lamp")
    Variant.objects.create(offering=offering, sku="L-1")
    faq = Faq.objects.create(question="Hours?", answer="9 to 5", language="en", offering=offering)
    assert SearchText.objects.count() == 2
    offering.delete()
    assert not Faq.objects.filter(pk=faq.pk).exists()
    assert not SearchText.objects.exists()
    assert not SearchVector.objects.exists()
    connection.check_constraints()


def test_deleting_a_tenant_leaves_nothing(harbour):
    with in_tenant(harbour.tenant):
        an_offering("Lamp")
        Faq.objects.create(question="Hours?", answer="9 to 5", language="en")
    with platform_scope(reason="test"):
        harbour.tenant.delete()
        connection.check_constraints()
        assert not SearchText.objects.filter(tenant_id=harbour.tenant.pk).exists()


def test_what_does_not_change_the_text_writes_nothing():
    offering = an_offering("Lamp")
    Faq.objects.create(question="Hours?", answer="9 to 5", language="en")
    SearchVector.objects.update(state="done")

    def versions_of_rows():
        with connection.cursor() as cursor:
            cursor.execute("SELECT ctid::text FROM catalog_searchtext UNION ALL SELECT ctid::text FROM catalog_searchvector")
            return sorted(row[0] for row in cursor.fetchall())

    before = versions_of_rows()
    offering.metadata = {"note": 1}
    offering.save()
    offering.versions.get().save()
    Faq.objects.get().save()
    assert versions_of_rows() == before
    assert queued() == 0


def test_a_change_of_bot_or_priority_keeps_the_vector_and_a_change_of_words_drops_it():
    bot = Bot.objects.create(code="shop", name="Shop")
    faq = Faq.objects.create(question="Hours?", answer="9 to 5", language="en")
    SearchVector.objects.update(state="done", model="m", embedding=[1.0] + [0.0] * 1535, bits="1" * 1536)
    Faq.objects.update(bot=bot, priority=3)
    vector = SearchVector.objects.get()
    assert (vector.state, vector.model, vector.bot_id) == ("done", "m", bot.pk)
    assert vector.embedding is not None
    faq.refresh_from_db()
    faq.answer = "8 to 6"
    faq.save()
    vector.refresh_from_db()
    assert (vector.state, vector.attempt, vector.model, vector.embedding) == ("pending", 0, "", None)


def test_one_statement_over_two_tenants_indexes_each_row_for_its_own_tenant(saigon, harbour):
    an_offering("Lamp")
    with in_tenant(harbour.tenant):
        an_offering("House")
    with platform_scope(reason="test"):
        OfferingVersion.objects.update(description="New words")
        found = dict(SearchText.objects.values_list("title", "tenant_id"))
    assert found == {"Lamp": saigon.tenant.pk, "House": harbour.tenant.pk}
    assert indexed() == {"Lamp": "New words"}


def lexemes(text):
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(search_words(%s, 'A'))", [text])
        return cursor.fetchone()[0]


ASCII = [chr(code) for code in range(1, 128)]
VIETNAMESE = "ĂăÂâĐđÊêÔôƠơƯưÀàẢảÃãÁáẠạỀềỆệỐốỘộỜờỢợỪừỰựỲỳỸỹÝýỊịĨĩ\u0300\u0301\u0303\u0309\u0323\u031b\u0302“”–…«»·₫€™×①½²😀\ufe0f\u3000！"


@given(st.text(st.sampled_from([*ASCII, *VIETNAMESE, *"0123456789eE.-" * 3]), max_size=60))
def test_the_database_cuts_and_folds_words_as_python_does(text):
    assert set(lexemes(text)) == set(words(text))


def test_a_very_long_description_is_indexed_and_breaks_nothing():
    offering = an_offering("Lamp")
    long = " ".join(f"word{n}" for n in range(200_000)) + "x" * 10_000
    offering.versions.update(description=long)
    assert indexed()["Lamp"] == long


@pytest.mark.django_db(transaction=True)
def test_two_people_who_change_parts_of_one_offering_at_once_are_both_found(saigon):
    offering = an_offering("Lamp")
    Variant.objects.create(offering=offering, sku="L-1")
    Variant.objects.create(offering=offering, sku="L-2")

    def rename(old, new, wait=None):
        with in_tenant(saigon.tenant), transaction.atomic():
            Variant.objects.filter(sku=old).update(sku=new)
            if wait:
                wait()

    second = Thread(target=in_own_connection, args=(rename, "L-2", "M-2"))

    def let_the_second_run_into_the_lock():
        second.start()
        second.join(0.5)
        assert second.is_alive()

    rename("L-1", "M-1", let_the_second_run_into_the_lock)
    second.join(10)
    assert sorted(indexed()["Lamp"].split("\n")) == ["M-1", "M-2"]


def in_own_connection(work, *args):
    try:
        work(*args)
    finally:
        connection.close()
