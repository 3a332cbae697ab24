"""Imports as jobs: fair, resumed after a dead worker, found without Redis, never half applied."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from catalog.imports import applying, jobs
from catalog.imports.applying import NotNow
from catalog.imports.jobs import create_job, import_file, request_apply, request_undo, run_due_jobs
from catalog.imports.staging import LeaseLost, stage
from catalog.models import ImportJob, ImportRow, Offering, StockMovement, Variant
from catalog.tasks import run_imports
from tenants.models import StoredFile
from tenants.queue import MAX_ATTEMPTS, claim
from tests.catalog.imports.files import shopify, written
from tests.conftest import in_tenant

ROWS = [shopify(Option1_Value=str(number), Variant_SKU=f"LS-{number}") for number in range(3)]


def made(rows=ROWS, **options):
    return create_job(chunks=[written(rows).getvalue()], name="shop.csv", currency="USD", **options)


def expire(job):
    """Let the lease of a dead worker end."""
    past = timezone.now() - timedelta(seconds=1)
    ImportJob.objects.filter(pk=job.pk).update(due_at=past, lease_until=past)


@pytest.mark.django_db
def test_a_job_whose_worker_died_while_staging_is_staged_anew_from_the_beginning(saigon):
    with in_tenant(saigon.tenant):
        job = made()
        (claimed,) = claim(ImportJob, limit=1)
        stage(claimed)
        expire(job)
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, job.attempt, job.rows.count()) == ("staged", 3, 3)


@pytest.mark.django_db
def test_a_worker_that_lost_its_lease_writes_nothing_more(saigon):
    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)
        (late,) = claim(ImportJob, limit=1)
        expire(job)
        run_due_jobs()
        with pytest.raises(LeaseLost):
            stage(late)
        late.status = ImportJob.Status.APPLYING
        jobs.run_job(late)
        job.refresh_from_db()
        assert (job.status, Variant.objects.count(), StockMovement.objects.count()) == ("completed", 3, 3)


@pytest.mark.django_db
def test_what_fails_while_applying_leaves_nothing_behind_and_is_tried_again(saigon, monkeypatch):
    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)

        def broken(*args, **values):
            raise IntegrityError("duplicate key")

        monkeypatch.setattr("catalog.imports.applying.finish", broken)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.state, job.status, job.attempt) == ("pending", "applying", 1)
        assert "duplicate" not in job.error_log
        assert not Offering.objects.exists()
        monkeypatch.undo()
        expire(job)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, Variant.objects.count()) == ("completed", 3)


@pytest.mark.django_db
def test_after_the_last_attempt_it_has_failed_with_everything_staged_kept_and_may_be_applied_again(saigon, monkeypatch):
    with in_tenant(saigon.tenant):
        job = made()
        run_due_jobs()
        request_apply(job=job)
        monkeypatch.setattr("catalog.imports.jobs.apply", lambda *args, **values: 1 / 0)
        for _attempt in range(MAX_ATTEMPTS):
            expire(job)
            run_due_jobs()
        job.refresh_from_db()
        assert (job.status, job.state, job.rows.count()) == ("failed", "failed", 3)
        assert not Offering.objects.exists()
        monkeypatch.undo()
        request_apply(job=job)
        run_due_jobs()
        assert Offering.objects.exists()


@pytest.mark.django_db
def test_a_job_that_kills_its_worker_each_time_ends_as_failed(saigon):
    with in_tenant(saigon.tenant):
        job = made()
        for _death in range(3):
            assert claim(ImportJob, limit=1)
            expire(job)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, job.state) == ("failed", "failed")
        assert job.error_log


@pytest.mark.django_db
def test_with_redis_flushed_the_tick_finds_the_job(saigon, django_capture_on_commit_callbacks):
    with in_tenant(saigon.tenant), django_capture_on_commit_callbacks(execute=True):
        job = made()
    cache.clear()
    run_imports()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert job.status == "staged"


def test_the_tick_is_in_the_schedule():
    from config.celery import app

    assert "catalog.run_imports" in {entry["task"] for entry in app.conf.beat_schedule.values()}


@pytest.mark.django_db
def test_the_jobs_of_all_tenants_are_run(saigon, harbour):
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            made(auto_apply=True)
    assert run_due_jobs() == 2
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            assert Variant.objects.count() == 3


@pytest.mark.django_db
def test_a_file_imported_here_is_left_alone_by_workers_meanwhile(saigon):
    taken = []
    with in_tenant(saigon.tenant):
        progress = lambda done, total: taken.append((done, total, run_due_jobs()))  # noqa: E731
        job = import_file(chunks=[written(ROWS).getvalue()], name="shop.csv", currency="USD", on_progress=progress)
    assert (job.status, taken) == ("completed", [(3, 3, 0)])


@pytest.mark.django_db
def test_a_file_imported_here_is_tried_again_when_something_fails_for_a_moment(saigon, monkeypatch):
    real, calls = jobs.apply, []

    def flaky(job, **values):
        calls.append(job.attempt)
        if len(calls) == 1:
            raise IntegrityError("somebody made that SKU in this very moment")
        return real(job, **values)

    monkeypatch.setattr("catalog.imports.jobs.apply", flaky)
    monkeypatch.setattr("tenants.queue.random.uniform", lambda low, high: 0.1)
    with in_tenant(saigon.tenant):
        job = import_file(chunks=[written(ROWS).getvalue()], name="shop.csv", currency="USD")
        assert (job.status, calls, Variant.objects.count()) == ("completed", [1, 2], 3)


WORKER = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from catalog.imports import jobs
from catalog.imports import applying, staging, undoing
def stop(*args, **values):
    print("here", flush=True)
    import time
    time.sleep(600)
def stop_at_third_chunk(job, lines, counts, store=staging._store):
    store(job, lines, counts) if counts["rows"] < 3 else stop()
staging.CHUNK = 1
if sys.argv[2] == "staging":
    staging._store = stop_at_third_chunk
elif sys.argv[2] == "undoing":
    undoing.finish = stop
else:
    applying.finish = stop
jobs.run_due_jobs()
"""


def killed(job, moment):
    """Let a worker of its own begin, and kill it at this moment."""
    name = connection.settings_dict["NAME"]
    command = [sys.executable, "-c", WORKER, name, moment]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=settings.BASE_DIR, text=True, env=os.environ)
    assert worker.stdout.readline() == "here\n"
    job.refresh_from_db()
    assert (job.status, job.state) == (moment, "running")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    time.sleep(0.5)
    expire(job)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_three_times_while_staging_leaves_what_an_undisturbed_one_does(saigon):
    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)
        for _time in range(3):
            killed(job, "staging")
            assert ImportRow.objects.count() == 2
            assert not Offering.objects.exists()
    run_due_jobs()
    with in_tenant(saigon.tenant):
        job.refresh_from_db()
        assert (job.status, job.attempt, ImportRow.objects.count()) == ("completed", 4, 3)
        assert (Variant.objects.count(), StockMovement.objects.count()) == (3, 3)
    connections.close_all()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_applying_or_undoing_leaves_all_or_nothing_and_another_one_finishes(saigon):
    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)
        killed(job, "applying")
        assert not Offering.objects.exists()
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, Variant.objects.count(), StockMovement.objects.count()) == ("completed", 3, 3)
        request_undo(job=job)
        killed(job, "undoing")
        assert (Variant.objects.count(), StockMovement.objects.count()) == (3, 3)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, Variant.objects.count(), StockMovement.objects.count()) == ("undone", 0, 0)
    connections.close_all()


@pytest.mark.django_db
def test_a_tenant_suspended_while_its_import_is_applied_finds_nothing_changed_and_goes_on_later(saigon, monkeypatch):
    real = applying.check_tenant

    def suspended_just_before(job):
        set_status("suspended")
        real(job)

    def set_status(status):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_tenant SET status = %s WHERE id = %s", [status, saigon.tenant.pk])

    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)
        monkeypatch.setattr(applying, "check_tenant", suspended_just_before)
        # The write of the suspension is rolled back with the import here, and in life is another transaction's.
        (claimed,) = claim(ImportJob, limit=1)
        jobs.run_job(claimed)
        job.refresh_from_db()
        assert (job.status, job.state, job.attempt) == ("applying", "pending", 0)
        assert not Offering.objects.exists()
        monkeypatch.undo()
        expire(job)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, Variant.objects.count()) == ("completed", 3)


@pytest.mark.django_db
def test_while_one_import_is_applied_another_one_waits_its_turn_and_counts_no_attempt(saigon, monkeypatch):
    def busy(job):
        raise NotNow("Another import is being applied.")

    with in_tenant(saigon.tenant):
        job = made(auto_apply=True)
        monkeypatch.setattr(applying, "take_turn", busy)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, job.state, job.attempt, Offering.objects.count()) == ("applying", "pending", 0, 0)
        monkeypatch.undo()
        expire(job)
        run_due_jobs()
        job.refresh_from_db()
        assert (job.status, Variant.objects.count()) == ("completed", 3)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_are_both_applied_one_after_the_other(saigon):
    with in_tenant(saigon.tenant):
        first, second = (made(ROWS[:2], auto_apply=True), made(ROWS, auto_apply=True))
        claimed = claim(ImportJob, limit=2)

        def run(job):
            with in_tenant(saigon.tenant):
                jobs.run_job(job)
            connections.close_all()

        threads = [threading.Thread(target=run, args=[job]) for job in claimed]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for job in (first, second):
            expire(job)
        run_due_jobs()
        for job in (first, second):
            job.refresh_from_db()
            assert job.status == "completed", job.error_log
        assert (Variant.objects.count(), StockMovement.objects.count()) == (3, 3)


@pytest.mark.django_db
def test_the_same_file_handed_in_twice_is_one_job_until_it_is_applied(saigon):
    with in_tenant(saigon.tenant):
        first = made(reuse=True)
        assert made(reuse=True).pk == first.pk
        assert made(reuse=True, missing="archive").pk != first.pk
        run_due_jobs()
        again = made(reuse=True)
        assert (again.pk, again.status) == (first.pk, "pending")
        assert StoredFile.objects.count() == 2
        run_due_jobs()
        request_apply(job=first)
        run_due_jobs()
        third = made(reuse=True)
        assert third.pk != first.pk
        run_due_jobs()
        third.refresh_from_db()
        assert third.summary["offerings"] == {"created": 0, "changed": 0, "unchanged": 1}


@pytest.mark.django_db
def test_a_job_that_cannot_be_made_leaves_no_file_behind(saigon):
    folder = Path(default_storage.path(str(saigon.tenant.pk)))  # other tests leave files there
    with in_tenant(saigon.tenant):
        before = set(folder.glob("*"))
        with pytest.raises(IntegrityError), transaction.atomic():
            made(priority=None)
        assert not ImportJob.objects.exists()
        assert set(folder.glob("*")) == before
