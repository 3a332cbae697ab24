"""Signatures, checked by the receivers' own library and by the numbers of the specification."""

import json
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from vault.webhooks import new_secret, signature, signed_headers


def now() -> int:
    return int(time.time())


def test_the_example_of_the_specification_has_the_same_signature() -> None:
    body = b'{"test": 2432232314}'
    found = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(body=st.dictionaries(st.text(), st.text() | st.integers()), message_id=st.uuids())
def test_a_receiver_can_verify_any_message(body: dict[str, str], message_id: object) -> None:
    secret, raw = new_secret(), json.dumps(body).encode()
    headers = signed_headers([secret], message_id=str(message_id), timestamp=now(), body=raw)
    assert Webhook(secret).verify(raw, headers) == body


def test_secrets_are_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {len("whsec_") + 44}


def test_a_message_signed_twice_is_verified_with_either_secret() -> None:
    new, old, stranger = new_secret(), new_secret(), new_secret()
    headers = signed_headers([new, old], message_id="m", timestamp=now(), body=b"{}")
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        assert Webhook(secret).verify(b"{}", headers) == {}
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger).verify(b"{}", headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "n"},
        {"webhook-timestamp": str(int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()))},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_a_changed_header_is_noticed(changed: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed_headers([secret], message_id="m", timestamp=now(), body=b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", {**headers, **changed})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{ }", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)})


def examples(language: str) -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "vault.md").read_text()
    blocks = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return [block for block in blocks if "verify(" in block]


def test_the_python_of_the_docs_verifies_what_we_sign_and_nothing_else() -> None:
    (source,) = [one for one in examples("python") if "def verify" in one]
    names: dict[str, Any] = {}
    exec(source, names)  # the page's own example
    new, old = new_secret(), new_secret()
    headers = signed_headers([new, old], message_id="m", timestamp=now(), body=b'{"a": 1}')
    assert names["verify"](new, headers, b'{"a": 1}')
    assert names["verify"](old, headers, b'{"a": 1}')
    assert not names["verify"](new_secret(), headers, b'{"a": 1}')
    assert not names["verify"](new, headers, b'{"a": 2}')
    assert not names["verify"](new, {**headers, "webhook-timestamp": str(now() - 400)}, b'{"a": 1}')


@pytest.mark.skipif(not which("node"), reason="there is no Node here")
def test_the_node_of_the_docs_does_so_too(tmp_path: Path) -> None:
    (source,) = examples("js")
    new, old = new_secret(), new_secret()
    headers = signed_headers([new, old], message_id="m", timestamp=now(), body=b'{"a": 1}')
    calls = [(new, '{"a": 1}'), (old, '{"a": 1}'), (new_secret(), '{"a": 1}'), (new, '{"a": 2}')]
    lines = [
        f"console.log(verify({json.dumps(key)}, {json.dumps(headers)}, Buffer.from({json.dumps(body)})));"
        for key, body in calls
    ]
    (tmp_path / "verify.js").write_text(source + "\n".join(lines))
    done = subprocess.run(["node", str(tmp_path / "verify.js")], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["true", "true", "false", "false"]
