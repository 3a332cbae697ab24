"""What happens to a row while somebody else works on it: nothing is lost, and nothing is left over."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from bots.documents import read_claimed
from bots.memories import forget_expired, remember
from bots.models import Bot, BotMemory, BotVersion, KnowledgeChunk, KnowledgeDocument
from bots.services import delete_draft
from catalog.models import SearchText
from tenants.models import StoredFile
from tenants.queue import claim
from tests.catalog.test_same_instant import while_written
from tests.conftest import ApiClient, Business, in_tenant

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(api: Any, saigon: Business) -> ApiClient:
    client: ApiClient = api(saigon)
    client.post("bots/", {"code": "shop", "name": "Shop"})
    client.post("collections/", {"code": "policies", "name": "Policies"})
    return client


@pytest.fixture
def document(shop: ApiClient) -> str:
    """Return the id of a document that waits to be read."""
    file = SimpleUploadedFile("returns.md", b"# Returns\n\nGoods may be returned within 30 days.")
    made = shop.upload("documents/", {"collection": "policies", "file": file})
    assert (made.status_code, made.json()["status"]) == (201, "pending")
    return str(made.json()["id"])


def read_it() -> None:
    (claimed,) = claim(KnowledgeDocument, limit=1)
    read_claimed(claimed)


@pytest.mark.parametrize("path", ["documents/{}/", "collections/{}/"])
def test_a_document_deleted_while_it_is_indexed_leaves_nothing(
    shop: ApiClient, saigon: Business, document: str, path: str
) -> None:
    collection = shop.get("collections/").json()["results"][0]["id"]
    address = path.format(document if path.startswith("documents") else collection)
    answer = while_written(saigon, read_it, lambda: shop.delete(address))
    assert answer.status_code == 204, answer.content
    with in_tenant(saigon.tenant):
        left = (KnowledgeDocument, KnowledgeChunk, StoredFile, SearchText)
        assert [model.objects.count() for model in left] == [0, 0, 0, 0]


def test_the_language_said_while_a_document_is_read_is_kept(shop: ApiClient, saigon: Business, document: str) -> None:
    with in_tenant(saigon.tenant):
        (claimed,) = claim(KnowledgeDocument, limit=1)
        assert shop.patch(f"documents/{document}/", {"language": "vi"}).status_code == 200
        read_claimed(claimed)
    told = shop.get(f"documents/{document}/").json()
    assert (told["status"], told["language"]) == ("indexed", "vi")


def test_a_file_given_while_the_one_before_is_read_is_what_is_found(
    shop: ApiClient, saigon: Business, document: str
) -> None:
    with in_tenant(saigon.tenant):
        (claimed,) = claim(KnowledgeDocument, limit=1)
        assert shop.patch(f"documents/{document}/", {"content": "Nothing is taken back."}).status_code == 200
        read_claimed(claimed)
    chunks = shop.get(f"documents/{document}/chunks/").json()["results"]
    assert [chunk["text"] for chunk in chunks] == ["Nothing is taken back."]


def test_a_draft_deleted_in_the_instant_of_its_activation_is_not_there(shop: ApiClient, saigon: Business) -> None:
    for number in (1, 2):
        assert shop.post("bots/shop/versions/", {"system_prompt": f"You are number {number}."}).status_code == 201
    shop.post("bots/shop/versions/1/activate/")
    with in_tenant(saigon.tenant):
        draft = BotVersion.objects.get(version=2)
    answer = while_written(saigon, lambda: delete_draft(version=draft), lambda: shop.post("bots/shop/versions/2/activate/"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert shop.get("bots/shop/").json()["active_version"] == 1


def test_what_is_remembered_anew_while_it_is_to_be_forgotten_stays(shop: ApiClient, saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        bot = Bot.objects.get()
        remember(bot=bot, key="colour", value="red")
        BotMemory.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    while_written(saigon, lambda: remember(bot=bot, key="colour", value="blue"), forget_expired)
    with in_tenant(saigon.tenant):
        assert BotMemory.objects.get().value == "blue"
