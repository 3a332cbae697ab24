"""Secrets go in, are replaced, and come out by one door, which keeps a record of every use."""

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants.actor import Actor, ActorKind, acting
from tenants.errors import NotAllowed, TooLarge
from tenants.models import AuditEntry, Tenant, User
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant
from tests.rows import a_bot_version
from vault.crypto import CredentialUnreadable
from vault.destinations import DestinationForbidden
from vault.models import Credential, CredentialGrant, CredentialSecret, CredentialUse, TenantKey
from vault.schemas import InvalidSecret
from vault.services import NotGranted, find_credential, reveal, rotate_credential, store_credential

pytestmark = pytest.mark.django_db

SECRET = {"api_key": "sk-live-0123456789abcdef"}


def store(**fields: Any) -> Credential:
    given = {"provider": "openai", "kind": "api_key", "label": "OpenAI", "secret": SECRET, **fields}
    return store_credential(**given)


def test_a_secret_comes_out_as_it_went_in(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store(created_by=saigon.owner)
        assert reveal(credential, why="test") == SECRET
        assert (credential.hint, credential.version, credential.created_by) == ("cdef", 1, saigon.owner)


@pytest.mark.parametrize(
    "value",
    ["x", " x\n", "\n", "\x00a\x00", "Mật khẩu của tôi", "e\u0301 \u00e9", "\ud800", "🔑" * 100, "x" * 65536, 1.5, 2**70, None, [1]],
    ids=["one", "spaces", "newline", "nul", "vietnamese", "not normalised", "surrogate", "emoji", "64 KB", "float", "big", "null", "list"],
)  # fmt: skip
def test_values_are_kept_to_the_last_character(saigon: Business, value: Any) -> None:
    with in_tenant(saigon.tenant):
        secret = {"value": value, "empty": ""}
        assert reveal(store(provider="custom", kind="custom", secret=secret), why="test") == secret


def test_more_than_64_kb_is_too_large(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        with pytest.raises(TooLarge) as caught:
            store(secret={"api_key": "x" * 1024 * 1024})
        assert caught.value.field == "secret"
        assert not Credential.objects.exists()


@pytest.mark.parametrize(
    ("provider", "kind", "secret", "fields"),
    [
        ("openai", "api_key", {}, {"secret.api_key": "required", "secret": "blank"}),
        ("openai", "api_key", {"api_key": ""}, {"secret.api_key": "blank"}),
        ("openai", "api_key", {"api_key": 5}, {"secret.api_key": "invalid"}),
        ("openai", "api_key", {"api_key": "x", "key": "y"}, {"secret.key": "unknown_field"}),
        ("openai", "api_key", {"api_key": "x", "base_url": "ftp://x"}, {"secret.base_url": "destination_forbidden"}),
        ("smtp", "basic", {"username": "a"}, {"secret.password": "required"}),
        ("smtp", "basic", {"username": "a", "password": "b", "port": 0}, {"secret.port": "invalid"}),
        ("smtp", "basic", {"username": "a", "password": "b", "security": "x"}, {"secret.security": "invalid_choice"}),
        ("zalo_oa", "oauth2", {"client_id": "1"}, {"secret.client_secret": "required"}),
        ("custom", "custom", {}, {"secret": "blank"}),
    ],
)
def test_a_wrong_shape_is_told_field_by_field_and_never_repeated(
    saigon: Business, provider: str, kind: str, secret: dict[str, Any], fields: dict[str, str]
) -> None:
    with in_tenant(saigon.tenant):
        with pytest.raises((InvalidSecret, DestinationForbidden)) as caught:
            store(provider=provider, kind=kind, secret=secret)
        assert {problem.field: problem.code for problem in caught.value.problems} == fields
        assert not Credential.objects.exists()


@pytest.mark.parametrize(
    ("provider", "kind", "secret", "hint", "destination"),
    [
        ("openai", "api_key", {"api_key": "0123456789abcde"}, "", ""),
        ("openai", "api_key", {"api_key": "0123456789abcdef"}, "cdef", ""),
        ("openai", "api_key", {"api_key": "0123456789abc\x00\n\u1ea1"}, "", ""),
        ("openai", "api_key", {"api_key": "x", "base_url": "https://llm.example/v1"}, "", "llm.example"),
        ("smtp", "basic", {"username": "m", "password": "long enough: 1234", "host": "m.example", "port": 587}, "1234", "m.example:587"),
        ("custom", "custom", {"a": "0123456789abcdef", "b": "0123456789abcdef"}, "", ""),
        ("custom", "custom", {"a": "0123456789abcdef", "b": 1}, "cdef", ""),
    ],
)  # fmt: skip
def test_the_hint_shows_little_and_of_short_secrets_nothing(
    saigon: Business, provider: str, kind: str, secret: dict[str, Any], hint: str, destination: str
) -> None:
    with in_tenant(saigon.tenant):
        credential = store(provider=provider, kind=kind, secret=secret)
        assert (credential.hint, credential.destination) == (hint, destination)


def test_a_new_secret_takes_the_place_of_the_old_one_which_is_wiped(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        changed = rotate_credential(credential, secret={"api_key": "new"}, created_by=saigon.admin)
        assert (changed.version, credential.version, credential.hint) == (2, 2, "")
        assert reveal(credential, why="test") == {"api_key": "new"}
        wiped = CredentialSecret.objects.get(credential=credential, version=1)
        assert (wiped.ciphertext, wiped.key, wiped.fingerprint) == (None, None, None)


def test_a_new_secret_of_the_wrong_shape_changes_nothing(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        with pytest.raises(InvalidSecret):
            rotate_credential(credential, secret={"password": "new"})
        assert reveal(credential, why="test") == SECRET
        assert Credential.objects.get().version == 1


def test_equal_secrets_have_nothing_in_common_in_the_database(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        store(), store()
        one, other = CredentialSecret.objects.all()
        assert one.fingerprint != other.fingerprint
        pieces = {bytes(one.ciphertext)[at : at + 4] for at in range(20, len(one.ciphertext))}
        assert not [at for at in range(20, len(other.ciphertext)) if bytes(other.ciphertext)[at : at + 4] in pieces]


# --- the door


def test_every_use_is_on_record_with_who_when_why_and_for_what(saigon: Business) -> None:
    run = uuid4()
    with in_tenant(saigon.tenant):
        credential = store()
        rotate_credential(credential, secret=SECRET)
        reveal(credential, why="send mail " * 50, run=run)
        use = CredentialUse.objects.get()
    assert (use.credential_id, use.label, use.version, use.run) == (credential.pk, "OpenAI", 2, run)
    assert (use.why, use.actor_kind, use.bot_id) == (("send mail " * 50)[:200], "system", None)
    assert use.created_at is not None


def test_a_use_cannot_be_rewritten(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        reveal(store(), why="test")
        with pytest.raises(Exception, match="permission denied"), transaction.atomic():
            CredentialUse.objects.update(why="nothing")
        assert CredentialUse.objects.get().why == "test"


def test_a_whole_reveal_is_one_statement(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        with CaptureQueriesContext(connection) as queries:
            assert reveal(credential, why="test") == SECRET
    assert len(queries) == 1


HOST = "https://api.example.com/v1"


class TestWhereItMayBeSent:
    def kept(self, *hosts: str, **fields: Any) -> Credential:
        return store(allowed_hosts=hosts, **fields)

    def test_without_a_list_it_goes_anywhere(self, saigon: Business) -> None:
        with in_tenant(saigon.tenant):
            assert reveal(self.kept(), why="test", to=HOST) == SECRET
            assert reveal(self.kept(), why="test") == SECRET

    def test_with_one_it_goes_there_and_nowhere_else_and_the_refusal_is_on_record(self, saigon: Business) -> None:
        with in_tenant(saigon.tenant):
            credential = self.kept("api.example.com", "other.example.com")
            assert reveal(credential, why="test", to="https://API.example.com:8443/x") == SECRET
            for elsewhere in ("https://api.example.com.evil.example/", "https://example.com", "http://93.184.215.14/", ""):
                with pytest.raises(NotAllowed) as caught:
                    reveal(credential, why="send", to=elsewhere)
                assert (caught.value.status, caught.value.code) == (403, "destination_not_allowed")
                assert (last_use().outcome, last_use().why) == ("refused", "send")
            assert CredentialUse.objects.filter(outcome="used").count() == 1

    def test_the_address_in_the_secret_itself_counts(self, saigon: Business) -> None:
        own = {**SECRET, "base_url": "https://vllm.example.com/v1"}
        with in_tenant(saigon.tenant):
            credential = self.kept("vllm.example.com", secret=own)
            assert reveal(credential, why="test") == own
            rotate_credential(credential, secret={**SECRET, "base_url": "https://evil.example.com/v1"})
            with pytest.raises(NotAllowed):
                reveal(credential, why="test")
            with pytest.raises(NotAllowed):
                reveal(credential, why="test", to="https://vllm.example.com/")

    def test_of_a_credential_that_one_may_not_use_nothing_is_told(self, saigon: Business) -> None:
        with in_tenant(saigon.tenant), by_person(saigon.analyst):
            refused(self.kept("api.example.com"))


def refused(credential: Credential, **options: Any) -> str:
    """Return what is told; the refusal, and nothing else, is on record."""
    before = CredentialUse.objects.count()
    with pytest.raises(NotGranted) as caught:
        reveal(credential, why="test", **options)
    assert CredentialUse.objects.count() == before + 1
    assert last_use().outcome == "refused"
    assert caught.value.status == 404
    return str(caught.value)


def last_use() -> CredentialUse:
    """Return the newest record."""
    use: CredentialUse | None = CredentialUse.objects.order_by("-id").first()
    assert use is not None
    return use


def test_a_refusal_is_on_record_and_audited_and_is_no_use(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        foreign = store(label="Theirs")
    with in_tenant(saigon.tenant):
        credential, bot, run = store(), a_bot_version().bot, uuid4()
        refused(credential, bot_id=bot.pk, run=run)
        use = last_use()
        assert (use.credential_id, use.label, use.version, use.why) == (credential.pk, "OpenAI", 1, "test")
        assert (use.actor_kind, use.bot_id, use.run) == ("system", bot.pk, run)
        assert AuditEntry.objects.about(use).get().after["outcome"] == "refused"
        assert Credential.objects.with_last_use().get().last_used_at is None
        refused(foreign)
        use = last_use()
        assert (use.credential_id, use.label, use.version, use.is_platform) == (foreign.pk, "", 0, False)
    with in_tenant(harbour.tenant):
        assert not CredentialUse.objects.exists()


def test_a_bot_needs_a_grant_that_has_not_ended(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential, bot, other = store(), a_bot_version().bot, a_bot_version().bot
        told = refused(credential, bot_id=bot.pk)
        grant = CredentialGrant.objects.create(credential=credential, bot=bot)
        assert reveal(credential, why="test", bot_id=bot.pk) == SECRET
        assert (last_use().outcome, last_use().bot_id) == ("used", bot.pk)
        assert refused(credential, bot_id=other.pk) == told
        CredentialGrant.objects.filter(pk=grant.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        assert refused(credential, bot_id=bot.pk) == told


def by_person(person: User) -> AbstractContextManager[Actor]:
    return acting(Actor(ActorKind.USER, person.pk))


def test_a_person_needs_a_grant_to_the_own_role(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        credential, bot = store(), a_bot_version().bot
        for person in (saigon.operator, saigon.analyst, harbour.owner):
            with by_person(person):
                refused(credential)
        CredentialGrant.objects.create(credential=credential, role="operator")
        with by_person(saigon.operator):
            assert reveal(credential, why="test") == SECRET
            assert (last_use().outcome, last_use().actor_id) == ("used", saigon.operator.pk)
            refused(credential, bot_id=bot.pk)
        for person in (saigon.analyst, harbour.owner):
            with by_person(person):
                refused(credential)
        CredentialGrant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        with by_person(saigon.operator):
            refused(credential)


def test_who_manages_credentials_needs_no_grant_and_nor_does_a_job(saigon: Business) -> None:
    staff = User.objects.create_superuser("staff@backroom.example")
    with in_tenant(saigon.tenant):
        credential = store()
        for person in (saigon.owner, saigon.admin, staff):
            with by_person(person), CaptureQueriesContext(connection) as queries:
                assert reveal(credential, why="test") == SECRET
            assert len(queries) == 1
        for kind in (ActorKind.TASK, ActorKind.COMMAND, ActorKind.API_KEY):
            with acting(Actor(kind, uuid4() if kind == ActorKind.API_KEY else None)):
                assert reveal(credential, why="test") == SECRET


def test_an_inactive_or_deleted_credential_is_told_like_an_unknown_one(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        Credential.objects.update(is_active=False)
        told = refused(credential)
        Credential.objects.all().delete()
        assert refused(credential) == told == refused(Credential(pk=uuid4(), tenant=saigon.tenant))


def test_another_tenants_credential_is_told_like_an_unknown_one(saigon: Business, harbour: Business) -> None:
    with in_tenant(harbour.tenant):
        foreign = store()
    with in_tenant(saigon.tenant):
        told = refused(foreign)
        foreign.tenant = saigon.tenant
        assert refused(foreign) == told


def test_a_suspended_tenant_reads_nothing(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        credential = store()
        Tenant.objects.update(status="suspended")
        refused(credential)


# --- what was moved or damaged


def test_a_ciphertext_moved_to_another_row_or_version_does_not_open(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        one, other = store(), store(secret={"api_key": "other"})
        text = CredentialSecret.objects.get(credential=one).ciphertext
        CredentialSecret.objects.filter(credential=other).update(ciphertext=text)
        with pytest.raises(CredentialUnreadable):
            reveal(other, why="test")
        rotate_credential(one, secret={"api_key": "new"})
        CredentialSecret.objects.filter(credential=one, version=2).update(ciphertext=text)
        with pytest.raises(CredentialUnreadable):
            reveal(one, why="test")


def test_a_whole_row_copied_to_another_tenant_does_not_open(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        own = store()
        secret, key = CredentialSecret.objects.get(), TenantKey.objects.get()
    with in_tenant(harbour.tenant):
        copied = store(secret={"api_key": "other"})
        CredentialSecret.objects.update(ciphertext=secret.ciphertext)
        with pytest.raises(CredentialUnreadable):
            reveal(copied, why="test")
        TenantKey.objects.update(wrapped=key.wrapped)
        with pytest.raises(CredentialUnreadable):
            reveal(copied, why="test")
    with in_tenant(saigon.tenant):
        assert reveal(own, why="test") == SECRET


def test_one_damaged_secret_leaves_the_others_readable_and_is_logged(saigon: Business, caplog: Any) -> None:
    with in_tenant(saigon.tenant):
        damaged, whole = store(), store()
        CredentialSecret.objects.filter(credential=damaged).update(ciphertext=b"\x01\x01\x00" + b"x" * 80)
        with pytest.raises(CredentialUnreadable):
            reveal(damaged, why="test")
        assert str(damaged.pk) in caplog.text
        assert reveal(whole, why="test") == SECRET


def test_a_tenants_key_is_made_once_and_destroying_it_shreds_all_secrets(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        store(), store()
        assert TenantKey.objects.count() == 1
    with in_tenant(harbour.tenant):
        other = store()
    with platform_scope(reason="a tenant goes"):
        Tenant.objects.filter(pk=saigon.tenant.pk).delete()
        assert set(TenantKey.objects.values_list("tenant_id", flat=True)) == {harbour.tenant.pk}
    with in_tenant(harbour.tenant):
        assert reveal(other, why="test") == SECRET


def test_a_name_and_password_are_never_taken_for_the_key_of_a_model(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        key = store()
        store(kind="basic", secret={"username": "u", "password": "p"})
        assert find_credential(provider="openai", kinds=("api_key", "custom")) == key
