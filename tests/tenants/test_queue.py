"""The queue: what is due is run once, by somebody, whoever dies; one tenant does not starve another."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from hypothesis.strategies import integers

from catalog.models import ImportJob
from tenants.models import StoredFile, Tenant
from tenants.queue import (
    DEATH,
    MAX_ATTEMPTS,
    QueueState,
    claim,
    due_tenants,
    fail,
    finish,
    renew,
    retry,
    sweep,
    work,
)
from tenants.scope import platform_scope
from tests.conftest import Business, in_tenant

pytestmark = pytest.mark.django_db

SHORT = timedelta(milliseconds=1)


def jobs(how_many: int, **fields: Any) -> list[ImportJob]:
    """Put rows into the queue of the scope's tenant."""
    file = StoredFile.objects.create(name="x.csv", media_type="text/csv", size=1, sha256="0" * 64)
    return [ImportJob.objects.create(source_file=file, currency="VND", **fields) for _ in range(how_many)]


def end_leases() -> None:
    """Let the time of every lease pass."""
    past = Now() - timedelta(seconds=1)
    ImportJob.objects.filter(state=QueueState.RUNNING).update(due_at=past, lease_until=past)


def stored(job: ImportJob) -> ImportJob:
    return ImportJob.objects.get(pk=job.pk)


@pytest.fixture
def here(saigon: Business) -> Iterator[Tenant]:
    with in_tenant(saigon.tenant):
        yield saigon.tenant


@pytest.mark.usefixtures("here")
class TestOneRow:
    def test_a_claimed_row_is_leased_and_counts_an_attempt(self) -> None:
        jobs(1)
        (job,) = claim(ImportJob, limit=5)
        assert (job.state, job.attempt, job.due_at) == (QueueState.RUNNING, 1, job.lease_until)
        assert claim(ImportJob, limit=5) == []

    def test_a_row_is_not_claimed_before_it_is_due(self) -> None:
        jobs(1, due_at=Now() + timedelta(seconds=60))
        assert claim(ImportJob, limit=5) == []

    def test_urgent_rows_go_first_then_the_oldest(self) -> None:
        late, early, urgent = (
            jobs(1, due_at=Now() - timedelta(seconds=seconds), priority=priority)[0]
            for seconds, priority in ((1, 0), (9, 0), (0, 1))
        )
        assert [claim(ImportJob, limit=1)[0].pk for _ in range(3)] == [urgent.pk, early.pk, late.pk]

    def test_a_row_whose_worker_died_is_claimed_again_and_counts_two_attempts(self) -> None:
        jobs(1)
        (first,) = claim(ImportJob, limit=1)
        end_leases()
        (second,) = claim(ImportJob, limit=1)
        assert (second.pk, second.attempt) == (first.pk, 3)

    def test_the_late_writes_of_an_old_attempt_change_nothing(self) -> None:
        jobs(1)
        (old,) = claim(ImportJob, limit=1)
        end_leases()
        (new,) = claim(ImportJob, limit=1)
        before = ImportJob.objects.values().get()
        assert finish(old, progress=100) is False
        assert fail(old, "late") is False
        assert renew(old) is False
        assert ImportJob.objects.values().get() == before
        assert finish(new, progress=50) is True
        assert (stored(new).state, stored(new).progress) == (QueueState.DONE, 50)

    def test_the_late_writes_of_an_old_attempt_change_nothing_also_when_a_person_has_begun_the_count_anew(self) -> None:
        jobs(1)
        (stalled,) = claim(ImportJob, limit=1)
        ImportJob.objects.update(state=QueueState.FAILED)
        retry(stalled)
        (new,) = claim(ImportJob, limit=1)
        assert new.attempt == stalled.attempt
        before = ImportJob.objects.values().get()
        assert finish(stalled, progress=100) is False
        assert fail(stalled, "late") is False
        assert renew(stalled) is False
        assert ImportJob.objects.values().get() == before
        assert finish(new) is True

    def test_a_row_whose_lease_was_renewed_is_ended_by_who_claimed_it_also_when_the_renewal_was_undone(self) -> None:
        jobs(2)
        first, second = claim(ImportJob, limit=2)
        assert renew(first, lease=timedelta(hours=1)) is True
        assert stored(first).due_at - timezone.now() > timedelta(minutes=59)
        with pytest.raises(LookupError), transaction.atomic():
            renew(second)
            raise LookupError
        assert finish(first) is True
        assert fail(second, "no luck") is True

    def test_a_renewed_lease_keeps_others_away(self) -> None:
        jobs(1)
        (job,) = claim(ImportJob, limit=1, lease=SHORT)
        assert renew(job) is True
        time.sleep(0.01)
        assert claim(ImportJob, limit=1) == []

    def test_a_row_may_be_failed_with_a_pause_of_its_own(self) -> None:
        jobs(1)
        (job,) = claim(ImportJob, limit=1)
        assert fail(job, "later", delay=timedelta(hours=2)) is True
        wait = (stored(job).due_at - timezone.now()).total_seconds()
        assert wait == pytest.approx(7200, abs=60)

    def test_a_model_may_allow_more_attempts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ImportJob, "max_attempts", MAX_ATTEMPTS + 1)
        jobs(1, attempt=MAX_ATTEMPTS, state=QueueState.RUNNING)
        assert sweep(ImportJob) == 0
        (job,) = claim(ImportJob, limit=1)
        assert fail(job, "the last one") is True
        assert stored(job).state == QueueState.FAILED

    def test_a_failed_row_waits_longer_each_time_and_is_buried_at_last(self) -> None:
        jobs(1)
        waits = []
        for attempt in range(1, MAX_ATTEMPTS + 1):
            ImportJob.objects.update(due_at=Now() - timedelta(seconds=1))
            (job,) = claim(ImportJob, limit=1)
            assert job.attempt == attempt
            assert fail(job, f"no luck {attempt}") is True
            waits.append(ImportJob.objects.annotate(wait=F("due_at") - Now()).get().wait.total_seconds())  # type: ignore[attr-defined]
        for attempt, wait in enumerate(waits, start=1):
            assert 2**attempt * 0.5 - 1 <= wait <= 2**attempt
        buried = ImportJob.objects.get()
        assert (buried.state, buried.last_error, buried.lease_until) == (QueueState.FAILED, f"no luck {MAX_ATTEMPTS}", None)
        ImportJob.objects.update(due_at=Now() - timedelta(seconds=1))
        assert claim(ImportJob, limit=1) == []

    def test_a_failure_that_lasts_is_buried_at_once(self) -> None:
        jobs(1)
        (job,) = claim(ImportJob, limit=1)
        fail(job, "unreadable", permanent=True)
        assert stored(job).state == QueueState.FAILED

    def test_a_row_whose_last_worker_died_is_buried_by_the_sweep_and_a_younger_one_is_not(self) -> None:
        old, young = jobs(2)
        claim(ImportJob, limit=2)
        ImportJob.objects.filter(pk=old.pk).update(attempt=MAX_ATTEMPTS)
        assert sweep(ImportJob) == 0
        end_leases()
        assert sweep(ImportJob, status=ImportJob.Status.FAILED) == 1
        assert (stored(old).state, stored(old).status) == (QueueState.FAILED, "failed")
        assert stored(old).last_error
        assert stored(young).state == QueueState.RUNNING
        assert [job.pk for job in claim(ImportJob, limit=5)] == [young.pk]

    def test_a_row_whose_last_worker_died_is_left_to_the_sweep_by_who_works_on_meanwhile(self) -> None:
        jobs(1, attempt=MAX_ATTEMPTS - 1)
        claim(ImportJob, limit=1)
        end_leases()
        assert claim(ImportJob, limit=1) == []
        assert sweep(ImportJob) == 1

    def test_rows_whose_worker_died_go_one_by_one_so_that_what_killed_it_takes_no_other_along(self) -> None:
        jobs(3)
        assert len(claim(ImportJob, limit=3)) == 3
        end_leases()
        poison = None
        for _again in range(3 * MAX_ATTEMPTS):
            taken = claim(ImportJob, limit=3)
            assert len(taken) <= 1
            for job in taken:
                poison = poison or job
                if job.pk == poison.pk:
                    end_leases()  # its worker dies
                else:
                    finish(job)
        sweep(ImportJob)
        states = dict(ImportJob.objects.values_list("pk", "state"))
        assert states.pop(poison.pk) == QueueState.FAILED  # type: ignore[union-attr]
        assert set(states.values()) == {QueueState.DONE}

    @pytest.mark.parametrize("state", [QueueState.FAILED, QueueState.UNKNOWN])
    def test_a_person_puts_a_buried_row_back_as_if_new(self, state: str) -> None:
        (job,) = jobs(1, state=state, attempt=MAX_ATTEMPTS, last_error="no luck")
        retry(job)
        (again,) = claim(ImportJob, limit=1)
        assert (again.pk, again.attempt, again.last_error) == (job.pk, 1, "")

    @pytest.mark.parametrize("state", [QueueState.PENDING, QueueState.RUNNING, QueueState.DONE])
    def test_a_row_that_is_not_buried_is_not_put_back(self, state: str) -> None:
        (job,) = jobs(1, state=state, attempt=3)
        before = ImportJob.objects.values().get()
        retry(job)
        assert ImportJob.objects.values().get() == before

    def test_an_unclear_outcome_is_never_tried_again_blindly(self) -> None:
        jobs(1, state=QueueState.UNKNOWN, due_at=Now() - timedelta(days=1))
        assert claim(ImportJob, limit=1) == []


# --- many tenants


def finish_all(rows: Sequence[ImportJob]) -> None:
    for row in rows:
        finish(row)


def test_every_tenant_gets_its_turn_before_anybody_gets_a_second(saigon: Business, harbour: Business) -> None:
    with in_tenant(saigon.tenant):
        jobs(30)
    with in_tenant(harbour.tenant):
        jobs(5)
    turns: list[Any] = []

    def run(rows: Sequence[ImportJob]) -> None:
        assert len({row.tenant_id for row in rows}) == 1
        turns.append(rows[0].tenant_id)
        finish_all(rows)

    assert work(ImportJob, run, batch=5) == 35
    assert set(turns[:2]) == {saigon.tenant.id, harbour.tenant.id}
    assert Counter(turns) == {saigon.tenant.id: 6, harbour.tenant.id: 1}


def test_rows_of_a_suspended_tenant_wait_until_it_is_back(saigon: Business, harbour: Business) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            jobs(2)
    set_status(saigon, Tenant.Status.SUSPENDED)
    assert due_tenants(ImportJob) == [harbour.tenant.id]
    assert work(ImportJob, finish_all, batch=5) == 2
    with in_tenant(saigon.tenant):
        assert set(ImportJob.objects.values_list("state", "attempt")) == {(QueueState.PENDING, 0)}
    set_status(saigon, Tenant.Status.ACTIVE)
    assert work(ImportJob, finish_all, batch=5) == 2


def set_status(business: Business, status: str) -> None:
    with platform_scope(reason="platform staff suspend a tenant"):
        Tenant.objects.filter(pk=business.tenant.pk).update(status=status)


def test_work_stops_when_others_hold_what_is_due(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        jobs(3)
    assert work(ImportJob, lambda rows: None, batch=5) == 3


# --- many workers


def together(worker: Callable[[int], Any], how_many: int) -> list[Any]:
    """Run the worker in threads, each with a connection of its own."""

    def run(number: int) -> Any:
        try:
            return worker(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(how_many) as pool:
        return list(pool.map(run, range(how_many)))


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_is_taking_is_skipped_and_not_waited_for(saigon: Business) -> None:
    with in_tenant(saigon.tenant):
        first, second = jobs(1, priority=1)[0], jobs(1)[0]
    taking, taken = threading.Event(), threading.Event()

    def hold() -> None:
        with in_tenant(saigon.tenant), transaction.atomic():
            list(ImportJob.objects.select_for_update(of=("self",)).filter(pk=first.pk))
            taking.set()
            taken.wait(10)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert taking.wait(10)
    try:
        with in_tenant(saigon.tenant):
            assert [job.pk for job in claim(ImportJob, limit=5)] == [second.pk]
    finally:
        taken.set()
        holder.join()


@pytest.mark.django_db(transaction=True)
def test_four_workers_run_each_of_two_hundred_rows_once(saigon: Business, harbour: Business) -> None:
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            jobs(100)
    ran: Counter[Any] = Counter()
    lock = threading.Lock()

    def run(rows: Sequence[ImportJob]) -> None:
        with lock:
            ran.update(row.pk for row in rows)
        finish_all(rows)

    counts = together(lambda _number: work(ImportJob, run, batch=7), 4)
    assert sum(counts) == 200
    assert len(ran) == 200
    assert set(ran.values()) == {1}
    for business in (saigon, harbour):
        with in_tenant(business.tenant):
            assert set(ImportJob.objects.values_list("state", "attempt")) == {(QueueState.DONE, 1)}


class Leases(RuleBasedStateMachine):
    """Workers that claim, dawdle, finish, fail and die, in any order: whoever came last owns the row."""

    tenant: Tenant

    def __init__(self) -> None:
        super().__init__()
        with in_tenant(self.tenant):
            ImportJob.objects.all().delete()
            self.pk = jobs(1)[0].pk
        self.claims: list[ImportJob] = []
        self.ended: set[int] = set()

    @rule()
    def claim(self) -> None:
        with in_tenant(self.tenant):
            self.claims += claim(ImportJob, limit=1)

    @rule()
    def time_passes(self) -> None:
        with in_tenant(self.tenant):
            ImportJob.objects.update(due_at=Now() - timedelta(seconds=1))

    @precondition(lambda self: self.claims)
    @rule(which=integers(0, 9))
    def finish(self, which: int) -> None:
        self.end(which, lambda job: finish(job))

    @precondition(lambda self: self.claims)
    @rule(which=integers(0, 9))
    def fail(self, which: int) -> None:
        self.end(which, lambda job: fail(job, "no luck"))

    def end(self, which: int, how: Callable[[ImportJob], bool]) -> None:
        job = self.claims[which % len(self.claims)]
        newest = self.claims[-1].attempt
        with in_tenant(self.tenant):
            was_accepted = how(job)
        assert was_accepted is (job.attempt == newest and newest not in self.ended)
        if was_accepted:
            self.ended.add(newest)

    @invariant()
    def attempts_are_counted_and_never_repeated(self) -> None:
        attempts = [job.attempt for job in self.claims]
        told = [before + (1 if before in self.ended else DEATH) for before in attempts[:-1]]
        assert attempts == [1, *told][: len(attempts)]


def test_only_the_newest_attempt_ends_a_row_and_only_once(saigon: Business) -> None:
    machine = type("LeasesOfSaigon", (Leases,), {"tenant": saigon.tenant})
    quick = settings(
        max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(machine, settings=quick)
