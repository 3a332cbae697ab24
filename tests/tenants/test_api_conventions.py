"""What every resource answers: lists, references, constraints, versions, permissions and problems."""

from urllib.parse import parse_qs, urlsplit

import pytest

from catalog.models import Customer, PriceList, SalesChannel, VariantPrice
from tests.conftest import in_tenant
from tests.rows import a_variant

pytestmark = pytest.mark.urls("tests.tenants.api_urls")


@pytest.fixture
def owner(api, saigon):
    with in_tenant(saigon.tenant):
        SalesChannel.objects.all().delete()
    return api(saigon, saigon.owner)


@pytest.fixture
def foreign(harbour):
    with in_tenant(harbour.tenant):
        return SalesChannel.objects.create(code="foreign", name="Foreign")


def codes(answer):
    return {(one["field"], one["code"]) for one in answer.json()["errors"]}


def walk(client, answer, direction):
    """Yield the pages from ``answer`` on, along its ``next`` or ``previous`` links."""
    while True:
        yield [row["id"] for row in answer["results"]]
        if not answer[direction]:
            return
        answer = client.get(answer[direction]).json()
        assert "results" in answer, answer


# --- rows


def test_a_row_is_made_read_changed_and_deleted(owner):
    made = owner.post("channels/", {"code": "zalo", "name": "Zalo"})
    assert made.status_code == 201
    address = f"channels/{made.json()['id']}/"
    assert owner.get(address).json() == made.json()
    assert owner.patch(address, {"name": "Zalo OA"}).json() == {**made.json(), "name": "Zalo OA"}
    assert owner.delete(address).status_code == 204
    assert owner.get(address).status_code == 404


def test_text_is_kept_in_nfc(owner):
    made = owner.post("channels/", {"code": "a", "name": "Cà phe\u0302 sữa"})
    assert made.json()["name"] == "Cà phê sữa"


@pytest.mark.parametrize("field", ["tenant", "tenant_id", "id", "colour"])
def test_a_field_that_cannot_be_written_is_refused(owner, saigon, field):
    answer = owner.post("channels/", {"code": "a", field: "00000000-0000-7000-8000-000000000000"})
    assert answer.status_code == 422
    assert codes(answer) == {(field, "unknown_field")}
    with in_tenant(saigon.tenant):
        assert not SalesChannel.objects.exists()


def test_a_row_of_another_tenant_is_not_there(owner, foreign, harbour):
    missing = owner.get("channels/01a1fbb1-0d34-7b1d-bd02-3ddd061c72fb/")
    for answer in (
        owner.get(f"channels/{foreign.id}/"),
        owner.patch(f"channels/{foreign.id}/", {"name": "mine"}),
        owner.delete(f"channels/{foreign.id}/"),
        owner.post(f"channels/{foreign.id}/close/"),
    ):
        assert (answer.status_code, answer.content) == (404, missing.content)
    assert owner.get("channels/").json()["results"] == []
    with in_tenant(harbour.tenant):
        assert SalesChannel.objects.filter(code="foreign", name="Foreign", is_active=True).exists()


@pytest.mark.parametrize("odd", ["nonsense", "%00", "..%2f", "1' OR 1=1", "x" * 3000])
def test_an_odd_id_is_not_there_either(owner, odd):
    assert owner.get(f"channels/{odd}/").status_code == 404


def test_a_new_row_was_changed_when_it_was_made_and_an_old_one_later(owner, saigon):
    for number in range(5):
        made = owner.post("customers/", {"name": f"Lan {number}"}).json()["id"]
    with in_tenant(saigon.tenant):
        rows = Customer.objects.all()
        assert [row.updated_at for row in rows] == [row.created_at for row in rows]
        one = Customer(name="Hoa")
        one.save()
        assert one.updated_at == one.created_at  # known at once
    owner.patch(f"customers/{made}/", {"name": "Minh"})
    with in_tenant(saigon.tenant):
        changed = Customer.objects.get(pk=made)
        assert changed.updated_at > changed.created_at


# --- references and constraints


def test_references_go_by_code_and_unknown_or_foreign_ones_are_refused_alike(owner, foreign):
    customer = owner.post("customers/", {"name": "Lan"}).json()["id"]
    owner.post("channels/", {"code": "web"})
    body = {"customer": customer, "channel": "web", "external_id": "1"}
    assert owner.post("identities/", body).json()["channel"] == "web"
    unknown = owner.post("identities/", {**body, "external_id": "2", "channel": "nowhere"})
    theirs = owner.post("identities/", {**body, "external_id": "2", "channel": "foreign"})
    assert (unknown.status_code, codes(unknown)) == (422, {("channel", "unknown_reference")})
    assert theirs.content == unknown.content
    for odd in ("not-an-id", 7, None, True, ["a"], "\u0000"):
        answer = owner.post("identities/", {**body, "customer": odd})
        assert answer.status_code in (400, 422)
    assert len(owner.get("identities/").json()["results"]) == 1


def test_a_clash_is_told_on_its_field_and_changes_nothing(owner):
    first = owner.post("channels/", {"code": "web", "name": "One"}).json()
    again = owner.post("channels/", {"code": "web", "name": "Two"})
    assert (again.status_code, codes(again)) == (422, {("code", "unique")})
    other = owner.post("channels/", {"code": "shop"}).json()
    assert codes(owner.patch(f"channels/{other['id']}/", {"code": "web"})) == {("code", "unique")}
    assert owner.patch(f"channels/{first['id']}/", {"code": "web"}).status_code == 200
    assert {row["code"] for row in owner.get("channels/").json()["results"]} == {"web", "shop"}


def test_the_same_code_in_another_tenant_is_no_clash(owner, foreign):
    assert owner.post("channels/", {"code": "foreign"}).status_code == 201


def test_a_broken_check_is_told_in_its_own_words(owner):
    window = {"valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z"}
    answer = owner.post("price-lists/", {"code": "tet", **window})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"] == "The window must end after it begins."


def test_a_row_others_refer_to_stays(owner, saigon):
    customer = owner.post("customers/", {"name": "Lan"}).json()["id"]
    channel = owner.post("channels/", {"code": "web"}).json()["id"]
    owner.post("identities/", {"customer": customer, "channel": "web", "external_id": "1"})
    answer = owner.delete(f"channels/{channel}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert owner.get(f"channels/{channel}/").status_code == 200


# --- money


@pytest.fixture
def priced(saigon):
    with in_tenant(saigon.tenant):
        PriceList.objects.get_or_create(code="standard")
        return a_variant()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("199000", "199000.00"),
        (199000, "199000.00"),
        ("0.125", "0.125"),
        ("1.2345", "1.2345"),
        (12.5, "12.50"),
        ("0", "0.00"),
    ],
)
def test_money_is_text_of_two_to_four_decimals(owner, priced, sent, answered):
    body = {"price_list": "standard", "variant": priced.sku, "currency": "USD", "amount": sent}
    made = owner.post("prices/", body)
    assert made.status_code == 201, made.content
    assert made.json()["amount"] == answered
    assert (made.json()["variant"], made.json()["sku"]) == (str(priced.id), priced.sku)


@pytest.mark.parametrize(
    "amount", ["-0.01", "1e-9", 1e-9, "1e3", "NaN", "10,5", "1 000", "9999999999999999", "1.23456", "", None, True, [], "٣"]
)
def test_money_that_is_none_is_refused(owner, saigon, priced, amount):
    body = {"price_list": "standard", "variant": str(priced.id), "currency": "USD", "amount": amount}
    answer = owner.post("prices/", body)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == ["amount"]
    with in_tenant(saigon.tenant):
        assert not VariantPrice.objects.exists()


# --- lists


@pytest.fixture
def crowd(saigon):
    with in_tenant(saigon.tenant):
        for name in ["An", "Bình", "An", "Chi", "An", "Đào", "An"]:
            Customer.objects.create(name=name)
        return [str(pk) for pk in Customer.objects.order_by("-created_at", "-id").values_list("pk", flat=True)]


@pytest.mark.parametrize("ordering", [None, "name", "-name", "created_at"])
def test_pages_tell_every_row_once_in_both_directions(owner, crowd, ordering):
    params = {"page_size": 2, **({"ordering": ordering} if ordering else {})}
    first = owner.get("customers/", params).json()
    pages = list(walk(owner, first, "next"))
    assert [len(page) for page in pages] == [2, 2, 2, 1]
    assert sorted(pk for page in pages for pk in page) == sorted(crowd)
    last = first
    while last["next"]:
        last = owner.get(last["next"]).json()
    assert list(walk(owner, last, "previous")) == pages[::-1]


def test_the_newest_comes_first(owner, crowd):
    assert [row["id"] for row in owner.get("customers/").json()["results"]] == crowd


def test_a_list_of_references_costs_the_same_however_long(owner, saigon, django_assert_num_queries):
    with in_tenant(saigon.tenant):
        channel = SalesChannel.objects.create(code="web")
        for number in range(5):
            channel.id and Customer.objects.create(name="x").identities.create(channel=channel, external_id=str(number))
    with django_assert_num_queries(2):  # the membership, the rows
        assert len(owner.get("identities/").json()["results"]) == 5


@pytest.mark.parametrize("size", ["0", "-1", "201", "1e9", "NaN", "", "1000000000", "٣"])
def test_a_page_size_that_is_none_is_refused(owner, size):
    answer = owner.get("customers/", {"page_size": size})
    assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (400, ["page_size"])


def test_a_cursor_serves_its_own_tenant_list_and_order_only(api, owner, crowd, harbour):
    link = owner.get("customers/", {"page_size": 2}).json()["next"]
    cursor = parse_qs(urlsplit(link).query)["cursor"][0]
    assert owner.get("customers/", {"cursor": cursor}).status_code == 200
    for client, path, params in [
        (owner, "customers/", {"cursor": cursor[:-2] + "xx"}),
        (owner, "customers/", {"cursor": "nonsense"}),
        (owner, "customers/", {"cursor": ""}),
        (owner, "customers/", {"cursor": cursor, "ordering": "name"}),
        (owner, "channels/", {"cursor": cursor}),
        (api(harbour.key), "customers/", {"cursor": cursor}),
    ]:
        answer = client.get(path, params)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


def test_search_ignores_case_and_diacritics(owner, crowd):
    for term in ("dao", "ĐÀO", "đào"):
        assert [row["name"] for row in owner.get("customers/", {"search": term}).json()["results"]] == ["Đào"]
    for harmless in ("%", "_", "\\", "'"):
        assert owner.get("customers/", {"search": harmless}).json()["results"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"colour": "red"},
        {"name__startswith": "A"},
        {"tenant": "x"},
        {"ordering": "metadata"},
        {"ordering": "identities__channel"},
        {"ordering": "name,-name"},
        {"ordering": "?"},
        {"search": "a\x00"},
        {"search": ["a", "b"]},
    ],
)
def test_what_a_list_does_not_declare_is_refused(owner, params):
    assert owner.get("customers/", params).status_code == 400


def test_filters_compare_by_type_and_refuse_what_is_none(owner, foreign):
    owner.post("channels/", {"code": "on"})
    owner.post("channels/", {"code": "off", "is_active": False})
    assert [row["code"] for row in owner.get("channels/", {"is_active": "false"}).json()["results"]] == ["off"]
    assert owner.get("channels/", {"is_active": "perhaps"}).status_code == 400
    assert owner.get("identities/", {"channel": "on"}).json()["results"] == []
    unknown = owner.get("identities/", {"channel": "nowhere"})
    assert (unknown.status_code, codes(unknown)) == (422, {("channel", "unknown_reference")})
    assert owner.get("identities/", {"channel": "foreign"}).content == unknown.content
    assert codes(owner.get("identities/", {"customer": "nonsense"})) == {("customer", "unknown_reference")}


# --- versions


def test_a_change_to_an_older_version_is_refused(owner):
    made = owner.post("channels/", {"code": "web", "name": "Web"})
    address, etag = f"channels/{made.json()['id']}/", made["ETag"]
    assert owner.get(address)["ETag"] == etag
    changed = owner.patch(address, {"name": "Shop"}, If_Match=etag)
    assert changed.status_code == 200
    assert changed["ETag"] == owner.get(address)["ETag"] != etag
    stale = owner.patch(address, {"name": "Lost"}, If_Match=etag)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale")
    assert owner.get(address).json()["name"] == "Shop"
    assert owner.patch(address, {"name": "Any"}, If_Match="*").status_code == 200


# --- permissions


@pytest.mark.parametrize(("role", "status"), [("owner", 201), ("admin", 201), ("operator", 201), ("analyst", 403)])
def test_roles_decide_who_writes(api, owner, saigon, role, status):
    answer = api(saigon, getattr(saigon, role)).post("channels/", {"code": "new"})
    assert answer.status_code == status
    with in_tenant(saigon.tenant):
        assert SalesChannel.objects.filter(code="new").exists() is (status == 201)


def test_actions_ask_for_the_verb_they_declare_and_without_one_nobody_may(api, owner, saigon):
    address = f"channels/{owner.post('channels/', {'code': 'web'}).json()['id']}"
    assert api(saigon, saigon.analyst).post(f"{address}/close/").status_code == 403
    assert owner.post(f"{address}/undeclared/").status_code == 403
    assert owner.post(f"{address}/close/").json()["is_active"] is False
    again = owner.post(f"{address}/close/")
    assert (again.status_code, again.json()["code"]) == (409, "closed")


@pytest.mark.parametrize("token", [None, "nonsense", "brk_nonsense", "a.b.c", "brk_" + "x" * 5000])
def test_without_a_good_token_the_answer_is_401(api, owner, token):
    for answer in (api(token).get("channels/"), api(token).post("channels/", {"code": "a"}), api(token).get("echo/")):
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer["Content-Type"] == "application/problem+json"


# --- problems


def test_bodies_and_queries_of_views_without_a_model_are_strict_too(owner):
    assert codes(owner.post("echo/", {"text": "x", "more": 1})) == {("more", "unknown_field")}
    assert codes(owner.post("echo/", {})) == {("text", "required")}
    assert codes(owner.post("echo/", {"text": 7})) == {("text", "invalid")}
    assert owner.post("echo/", [1]).status_code == 422
    assert owner.get("echo/", {"limit": "3"}).json() == {"text": "3"}
    assert owner.get("echo/", {"limit": "99"}).status_code == 400
    assert owner.get("echo/", {"limits": "3"}).status_code == 400
    assert owner.get("echo/", {"channel": "nowhere"}).status_code == 422
