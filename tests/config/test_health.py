"""The addresses for machines."""

import time

import pytest
from django.core.cache import cache
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from config import health
from tenants.tasks import WORKER_SEEN


@pytest.fixture(autouse=True)
def nothing_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated_until", 0.0)
    cache.delete(WORKER_SEEN)


def test_healthz_answers_without_a_database(client: Client) -> None:
    # pytest-django refuses every query of a test without the mark.
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
@pytest.mark.parametrize("length", ["many", "-1", "1e3", "9" * 5000])
@pytest.mark.parametrize("path", ["/healthz", "/api/v1/offerings/", "/admin/login/"])
def test_a_length_that_is_no_number_breaks_no_page(client: Client, path: str, length: str) -> None:
    right = client.get(path)
    answer = client.get(path, CONTENT_LENGTH=length)
    assert answer.status_code == right.status_code < 500


@pytest.mark.django_db
def test_readyz_wants_a_worker_that_was_seen_within_a_minute(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["worker"], answer.json()["database"]) == (503, "failed", "ok")
    cache.set(WORKER_SEEN, time.time() - 61)
    assert client.get("/readyz").status_code == 503
    cache.set(WORKER_SEEN, time.time())
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


@pytest.mark.django_db
def test_readyz_wants_every_migration(client: Client) -> None:
    cache.set(WORKER_SEEN, time.time())
    MigrationRecorder.Migration.objects.filter(app="tenants").delete()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "failed")


@pytest.mark.django_db
def test_readyz_believes_applied_migrations_for_a_while(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.get("/readyz")
    with django_assert_max_num_queries(1):
        client.get("/readyz")


@pytest.mark.django_db
def test_readyz_says_that_redis_is_gone(client: Client, settings: Settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "unix:///nowhere/redis.sock"}
    }
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["redis"], answer.json()["worker"]) == (503, "failed", "failed")
    assert connection.is_usable()


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "10.0.0.8"}, 403),
        ({"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ({"HTTP_FORWARDED": "for=127.0.0.1"}, 403),
        ({"HTTP_AUTHORIZATION": "Bearer anything", "REMOTE_ADDR": "10.0.0.8"}, 403),
    ],
)
def test_without_a_token_metrics_are_for_this_machine(client: Client, extra: dict[str, str], status: int) -> None:
    answer = client.get("/metrics", **extra)
    assert answer.status_code == status
    assert (b"django_http" in answer.content) is (status == 200)


def test_with_a_token_metrics_are_for_its_bearer_from_anywhere(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "metrics-token"
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer metrics-token", REMOTE_ADDR="10.0.0.8").status_code == 200
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer other").status_code == 403
    assert client.get("/metrics").status_code == 403
