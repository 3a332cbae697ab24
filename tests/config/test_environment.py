"""What a deployment may set: read as it is meant, or refused with one line."""

import base64
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import environment
from config.embedded import layout

KEY = base64.b64encode(bytes(range(32))).decode()
RIGHT = {
    "DATABASE_URL": "postgres://backroom_app@127.0.0.1:1/backroom",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "x" * 60,
    "VAULT_KEYS": f"k1:{KEY}",
}


def test_a_database_address_keeps_everything_that_libpq_understands() -> None:
    url = "postgres://app:p%40ss@db.example:6432/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=3"
    assert environment.database_from_url("DATABASE_URL", url) == {
        "NAME": "shop",
        "USER": "app",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem", "connect_timeout": "3"},
    }


def test_a_database_address_may_name_the_folder_of_a_socket() -> None:
    read = environment.database_from_url("DATABASE_URL", "postgres://app@/shop?host=/run/kho%20hàng")
    assert (read["HOST"], read["PORT"], read["OPTIONS"]) == ("/run/kho hàng", "", {})


@pytest.mark.parametrize("url", ["nonsense", "postgres://a:geheim@h/x?nope=1", "postgres://a:geheim@h:x y/x"])
def test_a_database_address_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not an address") as caught:
        environment.database_from_url("DATABASE_URL", url)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-geheim\u00e9", "sk-ge\nheim", "sk-geheim\x00"])
def test_a_models_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="LLM_API_KEY has characters") as caught:
        environment.model_key("LLM_API_KEY", key)
    assert "heim" not in str(caught.value)
    assert environment.model_key("LLM_API_KEY", "sk-1\n") == "sk-1"


def test_vault_keys_keep_their_order() -> None:
    keys = environment.vault_keys(f"k2:{KEY}, 2026-k.1_b:{'/' * 42}8=")
    assert list(keys.items()) == [("k2", bytes(range(32))), ("2026-k.1_b", b"\xff" * 32)]


def test_a_vault_key_of_zeros_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="number 2 is all zeros"):
        environment.vault_keys(f"k2:{KEY},k1:{'A' * 43}=")


@pytest.mark.parametrize(
    "text", ["", KEY, f":{KEY}", "k1:abc", "k1:####", f"k1:{KEY},k1:{KEY}", f"k1:{KEY},", f"k 1:{KEY}", f"{'k' * 65}:{KEY}"]
)
def test_malformed_vault_keys_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="VAULT_KEYS must be") as caught:
        environment.vault_keys(text)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "cache"),
    [
        ("redis://cache.example", "redis://cache.example/1"),
        ("rediss://:geheim@cache.example:6380/0", "rediss://:geheim@cache.example:6380/1"),
        ("redis://cache.example/4", "redis://cache.example/5"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock?db=1"),
        ("unix:///run/redis.sock?db=4", "unix:///run/redis.sock?db=5"),
    ],
)
def test_the_cache_is_the_database_after_the_one_that_redis_url_names(url: str, cache: str) -> None:
    assert environment.redis_database(url, 1) == cache


def test_networks_may_be_single_addresses_and_of_both_families() -> None:
    read = environment.networks("10.1.0.0/16, 192.168.7.9,fd00::/8,")
    assert [str(network) for network in read] == ["10.1.0.0/16", "192.168.7.9/32", "fd00::/8"]
    assert environment.networks("") == []


def start(*words: str, **changes: str) -> tuple[int, str]:
    """Run a command on production-like settings; returns its exit code and what it complained of."""
    given: Any = {"PATH": "/usr/bin:/bin", **RIGHT, **changes}
    command = [sys.executable, "manage.py", *(words or ("diffsettings", "--output", "hash"))]
    done = subprocess.run(command, cwd=layout.CHECKOUT, env=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


WRONG: list[tuple[dict[str, str], str]] = [
    ({"VAULT_KEYS": ""}, "VAULT_KEYS must be set when DATABASE_URL is."),
    ({"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 characters."),
    ({"REDIS_URL": "redis://h/x"}, "The database in REDIS_URL must be a whole number, not 'x'."),
    (
        {"OUTBOUND_ALLOW": "10.0.0.0/8,intranet"},
        "OUTBOUND_ALLOW must be networks like 10.1.0.0/16, and 'intranet' is none.",
    ),
]
MORE_THAT_IS_WRONG: list[tuple[dict[str, str], str]] = [
    ({"VAULT_KEYS": "k1:short"}, "VAULT_KEYS must be pairs id:base64 of 32 bytes"),
    ({"SECRET_KEY": ""}, "SECRET_KEY must be set when DATABASE_URL is."),
    ({"PORT": "abc"}, "PORT must be a whole number, not 'abc'."),
    ({"WEB_WORKERS": "abc"}, "WEB_WORKERS must be a whole number, not 'abc'."),
    ({"WEB_WORKERS": "0"}, "WEB_WORKERS must be at least 1."),
    ({"REDIS_URL": "nonsense"}, "REDIS_URL is not an address"),
    ({"EMBEDDING_PROVIDER": "ollama"}, "EMBEDDING_PROVIDER=ollama is not known"),
    ({"EMBEDDING_PROVIDER": "openai"}, "EMBEDDING_BASE_URL and EMBEDDING_MODEL must be set"),
    ({"EMBEDDING_BASE_URL": "localhost:8080"}, "EMBEDDING_BASE_URL is not an address"),
    ({"LLM_BASE_URL": "http://127.0.0.1:8080/v1"}, "LLM_MODEL must be set"),
    ({"OUTBOUND_ALLOW": "10.1.2.3/8"}, "OUTBOUND_ALLOW must be networks like 10.1.0.0/16, and '10.1.2.3/8' is none."),
    ({"DATABASE_OWNER_URL": "nonsense"}, "DATABASE_OWNER_URL is not an address"),
]


@pytest.mark.parametrize(
    ("changes", "line"), [*WRONG, *(pytest.param(*one, marks=pytest.mark.slow) for one in MORE_THAT_IS_WRONG)]
)
def test_a_setting_that_cannot_be_right_stops_the_start_with_one_line(changes: dict[str, str], line: str) -> None:
    code, printed = start(**changes)
    assert code == 1
    assert printed.startswith(f"backroom: {line}")
    assert len(printed.splitlines()) == 1


def test_right_settings_start() -> None:
    assert start() == (0, "")


@pytest.mark.parametrize("words", [("migrate", "--check"), ("issue_api_key", "shop", "--name", "terminal")])
def test_a_database_that_does_not_answer_is_one_line(words: tuple[str, ...]) -> None:
    code, printed = start(*words)
    assert code == 1
    assert printed.startswith("backroom: the database does not answer: ")
    assert len(printed.splitlines()) == 1
