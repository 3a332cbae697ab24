"""A person takes over: ask for one, claim, answer, put back, resolve.

A session has one owner at a time, and an epoch that every change of owner advances. A turn is recorded only under the
owner and epoch it was decided in (``runtime/statements.py``), so nothing a bot began to answer before a person came is
said afterwards. Whoever changes the owner locks the session first and the escalation after it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from runtime.models import Escalation, Session, Turn
from tenants.errors import Conflict
from tenants.events import record_event
from tenants.models import User
from tenants.text import detect_language, nfc


@dataclass(frozen=True)
class Colleague:
    """Who answers in the bot's place: a person, or a program (``person`` None) by the id of its API key."""

    id: UUID
    person: User | None = None


@transaction.atomic
def escalate(
    *, session: Session, reason: str = "", origin: Escalation.Origin, created_by: User | None = None
) -> tuple[Escalation, bool]:
    """Ask for a person; returns what waits already, if something does, and whether it is new.

    Raises ``Conflict`` (``session_ended``).
    """
    _lock(session.pk)
    known = Escalation.objects.unresolved().filter(session=session).first()
    if known:
        return known, False
    made = Escalation.objects.create(session=session, reason=reason, origin=origin, created_by=created_by)
    record_event("escalation.opened", subject=made, data={"session": str(session.pk), "origin": origin.value})
    return made, True


@transaction.atomic
def claim(*, escalation: Escalation, by: Colleague) -> Escalation:
    """Make the conversation this colleague's: from now on the bot is silent. Twice is once.

    Raises ``Conflict`` (``claimed_by_another``, ``escalation_resolved``, ``session_ended``).
    """
    row = _lock_unresolved(escalation)
    if row.state == Escalation.State.CLAIMED:
        _check_claimant(row, by)
        return row
    now = {"state": Escalation.State.CLAIMED, "claimed_at": Now(), "replied_at": None}
    Escalation.objects.filter(pk=row.pk).update(claimed_by=by.person, claimant_id=by.id, **now)
    _give(row.session_id, Session.Owner.PERSON)
    return _told("escalation.claimed", row)


@transaction.atomic
def answer(*, escalation: Escalation, message: str, by: Colleague, external_id: str = "") -> Turn:
    """Say something to the customer in the bot's place; with the same ``external_id`` again it is said once.

    Raises ``Conflict`` (``not_claimed``, ``claimed_by_another``, ``escalation_resolved``, ``session_ended``).
    """
    row = _lock_unresolved(escalation)
    _check_claimant(row, by)
    said_before = Turn.objects.filter(session=row.session_id, speaker=Turn.Speaker.AGENT, external_id=external_id)
    known = said_before.first() if external_id else None
    if known:
        return known
    message = nfc(message).replace("\r\n", "\n").strip()  # forms send both
    said = Turn.objects.create(
        session_id=row.session_id,
        speaker=Turn.Speaker.AGENT,
        message=message,
        language=detect_language(message),
        external_id=external_id,
        created_by=by.person,
    )
    Escalation.objects.filter(pk=row.pk).update(replied_at=Now())
    Session.objects.filter(pk=row.session_id).update(state_updated_at=Now())
    record_event(
        "turn.created", subject=said, data={"session": str(row.session_id), "turn": str(said.pk), "speaker": "agent"}
    )
    return said


@transaction.atomic
def put_back(*, escalation: Escalation, by: Colleague) -> Escalation:
    """Let somebody else claim it; the bot answers meanwhile. Raises ``Conflict`` as ``answer`` does."""
    row = _lock_unresolved(escalation)
    _check_claimant(row, by)
    return _put_back(row)


@transaction.atomic
def resolve(*, escalation: Escalation, by: Colleague, resolution: str = "") -> Escalation:
    """Give the conversation back to the bot: what waits can be resolved by anybody, what is claimed by its claimant.

    Raises ``Conflict`` (``claimed_by_another``, ``escalation_resolved``, ``session_ended``).
    """
    row = _lock_unresolved(escalation)
    if row.state == Escalation.State.CLAIMED:
        _check_claimant(row, by)
        _give(row.session_id, Session.Owner.BOT)
    return _resolve(row, resolution)


def resolve_with_session(session: Session) -> None:
    """Resolve what a conversation that ends still waits for, in the caller's transaction, the session being locked."""
    for row in Escalation.objects.unresolved().filter(session=session):
        _resolve(row, "")


def overdue(patience: timedelta, **where: Any) -> QuerySet[Escalation]:
    """Return the claimed escalations whose customer has waited longer than that for an answer; ``where`` narrows them.

    They wait since the claim, or since the first message that came after the last answer.
    """
    asked = Turn.objects.filter(
        session=OuterRef("session"), speaker=Turn.Speaker.USER, created_at__gt=OuterRef("replied_at")
    ).order_by("created_at")
    since = Case(When(replied_at=None, then=F("claimed_at")), default=Subquery(asked.values("created_at")[:1]))
    claimed = Escalation.objects.filter(state=Escalation.State.CLAIMED).annotate(waits_since=since)
    late: QuerySet[Escalation] = claimed.filter(waits_since__lte=Now() - patience, **where)
    return late


def put_back_overdue(patience: timedelta, **where: Any) -> int:
    """Put the overdue claims of the scope back into the queue; returns how many. The bot answers meanwhile."""
    return sum(_put_back_if_overdue(row, patience) for row in overdue(patience, **where))


@transaction.atomic
def _put_back_if_overdue(escalation: Escalation, patience: timedelta) -> bool:
    Session.objects.select_for_update().filter(pk=escalation.session_id).first()
    row = overdue(patience, pk=escalation.pk).select_for_update(of=("self",)).first()
    if row is None:  # answered meanwhile
        return False
    _put_back(row)
    return True


def _lock(session_id: UUID) -> Session:
    session: Session = Session.objects.select_for_update().get(pk=session_id)
    if session.ended_at:
        raise Conflict("session_ended", _("This conversation has ended."))
    return session


def _lock_unresolved(escalation: Escalation) -> Escalation:
    _lock(escalation.session_id)
    row: Escalation = Escalation.objects.select_for_update(of=("self",)).select_related("claimed_by").get(pk=escalation.pk)
    if row.state == Escalation.State.RESOLVED:
        raise Conflict("escalation_resolved", _("This is resolved already."))
    return row


def _check_claimant(row: Escalation, by: Colleague) -> None:
    if row.state != Escalation.State.CLAIMED:
        raise Conflict("not_claimed", _("Claim this conversation first."))
    if row.claimant_id != by.id:
        who = str(row.claimed_by) if row.claimed_by else _("another program")
        raise Conflict("claimed_by_another", _("%(name)s has claimed this conversation.") % {"name": who})


def _give(session_id: UUID, owner: Session.Owner) -> None:
    changed = {"owner": owner, "owner_epoch": F("owner_epoch") + 1, "state_updated_at": Now()}
    Session.objects.filter(pk=session_id).update(**changed)


def _put_back(row: Escalation) -> Escalation:
    nobody = {"claimed_by": None, "claimant_id": None, "claimed_at": None, "replied_at": None}
    Escalation.objects.filter(pk=row.pk).update(state=Escalation.State.WAITING, **nobody)
    _give(row.session_id, Session.Owner.BOT)
    return _told("escalation.opened", row, again=True)


def _resolve(row: Escalation, resolution: str) -> Escalation:
    done = {"state": Escalation.State.RESOLVED, "resolved_at": Now(), "resolution": resolution}
    Escalation.objects.filter(pk=row.pk).update(**done)
    return _told("escalation.resolved", row)


def _told(kind: str, row: Escalation, **more: bool) -> Escalation:
    record_event(kind, subject=row, data={"session": str(row.session_id), "origin": row.origin, **more})
    row.refresh_from_db()
    return row
