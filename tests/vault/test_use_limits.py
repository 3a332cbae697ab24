"""How often a secret may be used in a minute."""

from contextlib import AbstractContextManager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext

from tenants.actor import Actor, ActorKind, acting
from tenants.errors import TooMany
from tenants.models import Event
from tests.conftest import Business, in_tenant
from tests.vault.test_services import SECRET, by_person, refused, store
from vault.models import CredentialUse
from vault.services import reveal

pytestmark = pytest.mark.django_db


def by_key() -> AbstractContextManager[Any]:
    return acting(Actor(ActorKind.API_KEY, uuid4()))


class TestHowOften:
    def uses(self) -> list[str]:
        return list(CredentialUse.objects.order_by("id").values_list("outcome", flat=True))

    def test_more_than_so_many_in_a_minute_are_refused_with_one_alarm(self, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 3
        with in_tenant(saigon.tenant):
            credential = store()
            with by_key():
                for _ in range(3):
                    reveal(credential, why="test")
                for _ in range(5):
                    with pytest.raises(TooMany) as caught, CaptureQueriesContext(connection) as queries:
                        reveal(credential, why="test")
                assert (caught.value.status, caught.value.code, caught.value.seconds) == (429, "too_many_uses", 60)
                assert len(queries) == 1
            assert self.uses() == ["used"] * 3 + ["limited"]
            event = Event.objects.get()
            assert (event.kind, event.subject_id) == ("credential.rate_exceeded", credential.pk)
            assert (event.data["label"], event.data["actor_kind"], event.data["limit"]) == ("OpenAI", "api_key", 3)

    def test_others_go_on(self, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 1
        with in_tenant(saigon.tenant):
            credential = store()
            for actor in (by_key(), by_key(), by_person(saigon.owner), by_person(saigon.admin)):
                with actor:
                    assert reveal(credential, why="test") == SECRET
                    with pytest.raises(TooMany):
                        reveal(credential, why="test")
            for _ in range(5):  # the machine itself
                assert reveal(credential, why="test") == SECRET

    def test_refusals_count_so_that_nobody_tries_for_ever(self, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 2
        with in_tenant(saigon.tenant), by_person(saigon.analyst):
            credential = store()
            refused(credential), refused(credential)
            with pytest.raises(TooMany):
                reveal(credential, why="test")
            assert self.uses() == ["refused", "refused", "limited"]

    def test_a_minute_later_it_goes_on(self, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 1
        with in_tenant(saigon.tenant):
            credential = store()
            with by_person(saigon.owner):
                CredentialUse.objects.create(
                    id=RawSQL("SELECT uuidv7(interval '-61 seconds')", ()),
                    credential_id=credential.pk,
                    version=1,
                    actor_kind="user",
                    actor_id=saigon.owner.pk,
                )
                assert reveal(credential, why="test") == SECRET

    def test_the_jobs_of_a_tenant_together_have_ten_times_as_many(self, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 1
        with in_tenant(saigon.tenant), acting(Actor(ActorKind.TASK)):
            credential = store()
            for _ in range(10):
                assert reveal(credential, why="test") == SECRET
            with pytest.raises(TooMany):
                reveal(credential, why="test")

    def test_the_api_says_when_to_try_again(self, api: Any, saigon: Business, settings: Any) -> None:
        settings.VAULT_USES_PER_MINUTE = 0
        with in_tenant(saigon.tenant):
            credential = store(provider="custom", kind="api_key")
        answer = api(saigon, saigon.owner).post(f"credentials/{credential.pk}/test/")
        assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (429, "too_many_uses", "60")
