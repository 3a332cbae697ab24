"""Synonyms: what a tenant's customers call its things finds them, at once and nobody else's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from bots.models import Faq
from catalog.models import SearchSynonym
from catalog.search import FIT_THRESHOLD, fit, search
from tests.conftest import ApiClient, Business, in_tenant
from tests.rows import an_offering

pytestmark = pytest.mark.django_db
Api = Callable[..., ApiClient]


def titles(query: str, kinds: tuple[str, ...] = ("offering",)) -> list[str]:
    return [hit.title for hit in search(query, kinds=kinds, limit=10)]


@pytest.fixture
def client(api: Api, saigon: Business) -> ApiClient:
    with in_tenant(saigon.tenant):
        an_offering("Điện thoại Samsung A15")
        an_offering("Ghế sa lông da bò")
        an_offering("Tivi QLED 55 inch")
        an_offering("Áo sơ mi dài tay để đi làm")
        an_offering("RAM 16 GB DDR5")
    return api(saigon, saigon.operator)


def add(client: ApiClient, term: str, *synonyms: str, **fields: Any) -> dict[str, Any]:
    made = client.post("search-synonyms/", {"term": term, "synonyms": list(synonyms), **fields})
    assert made.status_code == 201, made.content
    return made.json()


def test_a_synonym_finds_from_the_next_search_until_it_is_gone(client: ApiClient, saigon: Business) -> None:
    def found() -> list[str]:
        return [one["name"] for one in client.get("offerings/search/", {"q": "sofa"}).json()["results"]]

    assert found() == []
    row = add(client, "sofa", "ghế sa lông")
    assert found() == ["Ghế sa lông da bò"]
    client.patch(f"search-synonyms/{row['id']}/", {"synonyms": ["ghế bành"]})
    assert found() == []
    client.patch(f"search-synonyms/{row['id']}/", {"synonyms": ["ghe sa long"]})
    assert found() == ["Ghế sa lông da bò"]
    assert client.delete(f"search-synonyms/{row['id']}/").status_code == 204
    assert found() == []


@pytest.mark.parametrize("query", ["dế", "DẾ", "de\u0302\u0301", "de", "mua dế samsung", "Dế giá bao nhiêu?"])
def test_case_diacritics_and_other_words_do_not_matter(client: ApiClient, saigon: Business, query: str) -> None:
    add(client, "điện thoại", "dế")
    with in_tenant(saigon.tenant):
        assert titles(query)[0] == "Điện thoại Samsung A15"


def test_a_word_of_the_same_letters_with_other_diacritics_is_another_word(client: ApiClient, saigon: Business) -> None:
    add(client, "điện thoại", "dế")
    with in_tenant(saigon.tenant):
        for query in ("áo để đi làm", "ao de di lam"):
            assert titles(query) == ["Áo sơ mi dài tay để đi làm"]


def test_both_ways_or_one(client: ApiClient, saigon: Business) -> None:
    add(client, "tv", "tivi", "vô tuyến")
    add(client, "di động", "điện thoại", is_two_way=False)
    with in_tenant(saigon.tenant):
        an_offering("Sạc di động")
        an_offering("Vô tuyến cũ")
        assert {"Tivi QLED 55 inch", "Vô tuyến cũ"} <= set(titles("tv"))
        assert {"Tivi QLED 55 inch", "Vô tuyến cũ"} <= set(titles("tivi"))
        assert {"Điện thoại Samsung A15", "Sạc di động"} <= set(titles("di động"))
        assert "Sạc di động" not in titles("điện thoại")


def test_a_hit_by_synonym_counts_as_text_and_says_so(client: ApiClient, saigon: Business) -> None:
    add(client, "tv", "tivi")
    (one,) = client.get("offerings/search/", {"q": "tv qled 55 inch"}).json()["results"]
    assert one["synonyms"] == ["tv = tivi"]
    assert one["parts"]["synonyms"] > 0
    assert one["embedded"] is False
    with in_tenant(saigon.tenant):
        (by_synonym,) = search("tv qled 55 inch", kinds=["offering"], limit=9)
        (by_name,) = search("tivi qled 55 inch", kinds=["offering"], limit=9)
        assert by_synonym.score == pytest.approx(by_name.score, abs=0.05)
        assert by_name.synonyms == ()
        assert "synonyms" not in by_name.parts
        assert fit("tv", search("tv", kinds=["offering"], limit=9)[0]) > FIT_THRESHOLD


def test_faqs_are_found_by_synonyms_in_one_round_trip(
    client: ApiClient, saigon: Business, django_assert_num_queries: Any
) -> None:
    add(client, "hàng đổi trả", "refund")
    with in_tenant(saigon.tenant):
        Faq.objects.create(question="Hàng đổi trả thế nào?", answer="Trong 7 ngày.", language="vi")
        with django_assert_num_queries(1):
            assert titles("refund", ("faq",)) == ["Hàng đổi trả thế nào?"]


def test_synonyms_are_the_tenants_own(client: ApiClient, api: Api, saigon: Business, harbour: Business) -> None:
    add(api(harbour, harbour.owner), "sofa", "ghế sa lông")
    with in_tenant(saigon.tenant):
        assert titles("sofa") == []
        with connection.cursor() as cursor:  # not even asked for by name
            cursor.execute("SELECT search_synonyms(%s, '{sofa}', '{sofa}')", [harbour.tenant.pk])
            assert cursor.fetchone() == (None,)


@pytest.mark.parametrize("query", ["ram 16gb", "ram 16 GB", "RAM 16GB", "16gb"])
def test_a_number_and_its_unit_may_stand_together_or_apart(client: ApiClient, saigon: Business, query: str) -> None:
    with in_tenant(saigon.tenant):
        an_offering("RAM 8 GB DDR5")
        an_offering("Bộ RAM 16GB")
        found = titles(query)
        assert set(found[:2]) == {"RAM 16 GB DDR5", "Bộ RAM 16GB"}


@pytest.mark.parametrize(
    "body",
    [
        {"term": "", "synonyms": ["x"]},
        {"term": "?!", "synonyms": ["x"]},
        {"term": "one two three four five", "synonyms": ["x"]},
        {"term": "x", "synonyms": []},
        {"term": "x", "synonyms": ["…"]},
        {"term": "x", "synonyms": [""]},
        {"term": "x", "synonyms": ["y"] * 21},
        {"term": "x" * 101, "synonyms": ["y"]},
        {"term": "x"},
    ],
)
def test_what_could_never_be_found_is_refused(client: ApiClient, saigon: Business, body: dict[str, Any]) -> None:
    assert client.post("search-synonyms/", body).status_code == 422
    with in_tenant(saigon.tenant):
        assert not SearchSynonym.objects.exists()


def test_a_term_stands_once(client: ApiClient) -> None:
    add(client, "tv", "tivi")
    again = client.post("search-synonyms/", {"term": "tv", "synonyms": ["tele"]})
    assert (again.status_code, again.json()["code"]) == (422, "unique")


@pytest.mark.parametrize("term", ["'; DROP TABLE x; --", "a' | 'b", "a & b", "x:*", "tn <-> 1", "=", "50%"])
def test_a_synonym_is_only_words(client: ApiClient, saigon: Business, term: str) -> None:
    client.post("search-synonyms/", {"term": term, "synonyms": ["tivi", "'quoted'"]})
    with in_tenant(saigon.tenant):
        assert isinstance(titles(term + " qled"), list)
