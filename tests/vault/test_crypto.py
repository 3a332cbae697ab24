"""The envelope opens where it belongs and nowhere else; whatever is wrong with it, the answer is the same."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import crypto
from vault.crypto import CredentialUnreadable, DataKey, Place

PLACE = Place(UUID(int=1), "vault_credentialsecret", UUID(int=2).bytes, "ciphertext", 3)
KEY = DataKey(UUID(int=4), bytes(range(32)))


def refusal(envelope: bytes, place: Place = PLACE, key: DataKey = KEY) -> tuple[Any, ...]:
    """Return all that a caller is told."""
    with pytest.raises(CredentialUnreadable) as caught:
        key.open(envelope, place)
    error = caught.value
    return error.status, error.code, error.message, str(error), error.problems, error.extra, error.__cause__


def test_every_flipped_bit_is_told_in_the_same_words() -> None:
    envelope = KEY.seal(b"sk-secret", PLACE)
    told = set()
    for position in range(len(envelope) * 8):
        damaged = bytearray(envelope)
        damaged[position // 8] ^= 1 << position % 8
        told.add(str(refusal(bytes(damaged))))
    assert told == {str(refusal(b""))}
    assert KEY.open(envelope, PLACE) == b"sk-secret"


def test_what_is_cut_short_or_longer_does_not_open() -> None:
    envelope = KEY.seal(b"sk-secret", PLACE)
    for length in range(len(envelope)):
        refusal(envelope[:length])
    for longer in (envelope + b"\0", b"\0" + envelope, envelope * 2):
        refusal(longer)
    assert KEY.open(envelope, PLACE) == b"sk-secret"


@pytest.mark.parametrize(
    "other",
    [
        PLACE._replace(tenant=UUID(int=9)),
        PLACE._replace(table="vault_other"),
        PLACE._replace(row=UUID(int=9).bytes),
        PLACE._replace(field="other"),
        PLACE._replace(version=2),
        # The same letters, divided differently.
        PLACE._replace(table=PLACE.table + chr(PLACE.row[0]), row=PLACE.row[1:]),
    ],
    ids=["tenant", "table", "row", "field", "version", "division"],
)
def test_an_envelope_opens_only_where_it_belongs(other: Place) -> None:
    envelope = KEY.seal(b"sk-secret", PLACE)
    assert refusal(envelope, other) == refusal(b"")
    assert KEY.open(envelope, PLACE) == b"sk-secret"


def test_another_key_does_not_open_it_not_even_under_the_same_name() -> None:
    envelope = KEY.seal(b"sk-secret", PLACE)
    assert refusal(envelope, key=DataKey(uuid4(), KEY.key)) == refusal(envelope, key=DataKey(KEY.id, bytes(32)))


@given(st.binary(max_size=2000))
def test_every_plain_text_comes_back_to_the_byte(plain: bytes) -> None:
    assert KEY.open(KEY.seal(plain, PLACE), PLACE) == plain


@given(st.binary(max_size=300))
def test_what_is_no_envelope_is_refused_in_the_same_words(noise: bytes) -> None:
    assert refusal(noise) == refusal(b"")


@given(st.lists(st.tuples(st.text(), st.binary(), st.text()), min_size=2, max_size=2, unique=True))
def test_no_two_places_have_the_same_associated_data(parts: list[tuple[str, bytes, str]]) -> None:
    one, other = (Place(PLACE.tenant, table, row, field, 1).associated(b"") for table, row, field in parts)
    assert one != other


def test_salt_nonce_and_text_never_repeat_for_the_same_secret() -> None:
    envelopes = [KEY.seal(b"same", PLACE) for _ in range(2000)]
    start = crypto.HEAD_BYTES + 16
    salts = {one[start : start + crypto.SALT_BYTES] for one in envelopes}
    nonces = {one[start + crypto.SALT_BYTES :][: crypto.NONCE_BYTES] for one in envelopes}
    sealed = {one[start + crypto.SALT_BYTES + crypto.NONCE_BYTES :] for one in envelopes}
    assert len(salts) == len(nonces) == len(sealed) == len(envelopes)


@pytest.mark.slow
def test_a_million_envelopes_have_a_million_salts_and_nonces() -> None:
    seen = set()
    for _ in range(1_000_000):
        seen.add(KEY.seal(b"", PLACE)[19 : 19 + crypto.SALT_BYTES + crypto.NONCE_BYTES])
    assert len(seen) == 1_000_000


def test_the_form_names_version_algorithm_and_key() -> None:
    envelope = KEY.seal(b"x", PLACE)
    assert envelope[:3] == bytes((1, 1, 16))
    assert crypto.key_id_of(envelope) == KEY.id.bytes
    assert len(envelope) == 3 + 16 + 32 + 12 + 1 + 16


def test_a_key_does_not_show_itself() -> None:
    assert KEY.key.hex() not in repr(KEY)
    assert str(KEY.key) not in repr(KEY)


# --- the wrapped data key and the memory


def test_a_wrapped_key_opens_with_the_master_key_it_names(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": b"1" * 32}
    wrapped = crypto.wrap(KEY, tenant=PLACE.tenant)
    settings.VAULT_KEYS = {"k2": b"2" * 32, "k1": b"1" * 32}
    assert crypto.unwrap(wrapped, tenant=PLACE.tenant, key=KEY.id) == KEY
    assert crypto.key_id_of(crypto.wrap(KEY, tenant=PLACE.tenant)) == b"k2"


@pytest.mark.parametrize("keys", [{"k2": b"1" * 32}, {"k1": b"2" * 32}, {}], ids=["unknown", "wrong", "none"])
def test_memory_never_answers_for_a_master_key_that_is_gone_or_another(settings: Any, keys: dict[str, bytes]) -> None:
    settings.VAULT_KEYS = {"k1": b"1" * 32}
    wrapped = crypto.wrap(KEY, tenant=PLACE.tenant)
    assert crypto.unwrap(wrapped, tenant=PLACE.tenant, key=KEY.id) == KEY
    settings.VAULT_KEYS = keys
    with pytest.raises(CredentialUnreadable):
        crypto.unwrap(wrapped, tenant=PLACE.tenant, key=KEY.id)


def test_memory_never_answers_for_another_tenant_or_a_damaged_key(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": b"1" * 32}
    wrapped = crypto.wrap(KEY, tenant=PLACE.tenant)
    assert crypto.unwrap(wrapped, tenant=PLACE.tenant, key=KEY.id) == KEY
    for text, tenant, key in (
        (wrapped, UUID(int=9), KEY.id),
        (wrapped, PLACE.tenant, UUID(int=9)),
        (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), PLACE.tenant, KEY.id),
    ):
        with pytest.raises(CredentialUnreadable):
            crypto.unwrap(text, tenant=tenant, key=key)


def test_memory_is_bounded(settings: Any) -> None:
    settings.VAULT_KEYS = {"k1": b"1" * 32}
    for number in range(crypto.MOST_KEYS_IN_MEMORY + 10):
        key = DataKey(UUID(int=number), bytes(32))
        crypto.unwrap(crypto.wrap(key, tenant=PLACE.tenant), tenant=PLACE.tenant, key=key.id)
    assert crypto._unwrap.cache_info().currsize <= crypto.MOST_KEYS_IN_MEMORY


def test_fingerprints_tell_equal_secrets_of_one_row_only() -> None:
    own = KEY.fingerprint(b"1234", PLACE)
    assert own == KEY.fingerprint(b"1234", PLACE)
    others = [
        KEY.fingerprint(b"1235", PLACE),
        KEY.fingerprint(b"1234", PLACE._replace(row=b"other")),
        DataKey(KEY.id, bytes(32)).fingerprint(b"1234", PLACE),
    ]
    assert own not in others
