"""Beginning and ending a conversation, and moving it on in its flow. What happens in between is ``runtime/turn.py``."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.flow import ENDED, Flow, read_flow
from bots.models import Bot, BotVersion, KnowledgeCollection, Tool
from catalog.customers import identify_customer
from catalog.models import Customer, SalesChannel
from runtime.escalations import resolve_with_session
from runtime.models import ContextSlot, DecisionEvent, Session, SessionScope, Turn
from tenants.errors import Conflict, DomainError
from tenants.events import record_event
from tenants.models import Tenant, hash_token
from tenants.scope import current_tenant_id

TIMEOUT = "timeout"
"""Who moves a conversation when nobody says anything."""
SAY = "say"
"""``action`` of a button that says its title."""
SESSION_TOKEN_PREFIX = "brs_"  # noqa: S105 - how a token begins


MOST_SLOTS = 100
"""Of one conversation."""


@dataclass(frozen=True)
class CustomerName:
    """Who a front end says is writing."""

    external_id: str
    channel: SalesChannel | None = None
    name: str = ""


@transaction.atomic
def start_session(
    *,
    bot: Bot,
    channel: SalesChannel,
    customer: CustomerName | None = None,
    language: str = "",
    flow_context: dict[str, Any] | None = None,
    ext_metadata: dict[str, Any] | None = None,
    collections: Sequence[KnowledgeCollection] | None = None,
    tools: Sequence[Tool] | None = None,
) -> tuple[Session, str]:
    """Open a conversation with the bot's active version; returns it with its token, which is shown once.

    The bot greets in this ``language``, else in that of the business. ``collections`` and ``tools`` are all that it may use;
    left out, it may use every one of the bot. Raises ``Conflict`` with ``no_active_version``, ``DomainError`` for a channel
    that is switched off and for what is another bot's.
    """
    _check_channel(channel)
    token, version = _new_token(), _active_version(bot)
    session = Session.objects.create(
        bot=bot,
        bot_version=version,
        channel=channel,
        customer=_customer(customer, channel),
        token_hash=hash_token(token),
        language=language,
        flow_step=read_flow(version.flow_config).first_step,
        flow_context=flow_context or {},
        ext_metadata=ext_metadata or {},
        limits_collections=collections is not None,
        limits_tools=tools is not None,
    )
    _limit(session, collections or (), tools or ())
    record_event("session.started", subject=session, data={"bot": bot.code, "channel": channel.code})
    _greet(session, read_flow(version.flow_config), language)
    return session, token


@transaction.atomic
def resume_session(
    *,
    bot: Bot,
    channel: SalesChannel,
    customer: CustomerName,
    collections: Sequence[KnowledgeCollection] | None = None,
    tools: Sequence[Tool] | None = None,
    **begin: Any,
) -> tuple[Session, str, bool]:
    """Go on with the customer's open conversation, under a new token in the place of the old one; else ``begin`` one.

    Returns session, token and whether it is new. The conversation keeps version and context it began with, and its limits
    unless others are named. Raises what ``start_session`` raises.
    """
    _check_channel(channel)
    known = identify_customer(channel=customer.channel or channel, external_id=customer.external_id, name=customer.name)
    list(Customer.objects.select_for_update(no_key=True).filter(pk=known.pk).values_list("pk"))  # two at once begin one
    open_ones = Session.objects.filter(bot=bot, channel=channel, customer=known, ended_at=None)
    session = open_ones.select_for_update(of=("self",), no_key=True).order_by("-id").first()
    if session is None:
        begin |= {"collections": collections, "tools": tools}
        return (*start_session(bot=bot, channel=channel, customer=customer, **begin), True)
    _limit_anew(session, collections, tools)
    token = _new_token()
    Session.objects.filter(pk=session.pk).update(token_hash=hash_token(token), state_updated_at=timezone.now())
    return session, token, False


def _greet(session: Session, flow: Flow, language: str) -> None:
    """Let the bot speak first, where the flow says what."""
    if not (flow.greeting or flow.quick_replies):
        return
    language = language or Tenant.objects.values_list("locale", flat=True).get(pk=current_tenant_id())
    offered = [{"title": title, "action": SAY} for title in flow.offered(language)]
    said = Turn.objects.create(
        session=session,
        speaker=Turn.Speaker.ASSISTANT,
        message=flow.hello(language),
        language=language,
        ui_metadata={"quick_replies": offered} if offered else {},
    )
    data = {"session": str(session.pk), "turn": str(said.pk), "speaker": Turn.Speaker.ASSISTANT.value}
    record_event("turn.created", subject=said, data=data)


def greeting_of(session: Session) -> Turn | None:
    """Return what the bot said first, before anybody asked it anything."""
    first: Turn | None = Turn.objects.filter(session=session).order_by("pk").first()
    return first if first and first.speaker == Turn.Speaker.ASSISTANT else None


def _active_version(bot: Bot) -> BotVersion:
    version: BotVersion | None = BotVersion.objects.filter(bot=bot, is_active=True).first()
    if version is None or bot.status != Bot.Status.ACTIVE:
        raise Conflict("no_active_version", _("The bot has no active version."))
    return version


def _check_channel(channel: SalesChannel) -> None:
    if not channel.is_active:
        raise DomainError("inactive_channel", _("This channel is switched off."), field="channel")


def _new_token() -> str:
    return SESSION_TOKEN_PREFIX + secrets.token_urlsafe(32)


def _limit(session: Session, collections: Sequence[KnowledgeCollection], tools: Sequence[Tool]) -> None:
    for field, named in (("collections", collections), ("tools", tools)):
        if any(one.bot_id not in (None, session.bot_id) for one in named):
            raise DomainError("other_bot", _("It belongs to another bot."), field=field)
    scopes = [SessionScope(session=session, collection=one) for one in dict.fromkeys(collections)]
    SessionScope.objects.bulk_create([*scopes, *(SessionScope(session=session, tool=one) for one in dict.fromkeys(tools))])


def _limit_anew(session: Session, collections: Sequence[KnowledgeCollection] | None, tools: Sequence[Tool] | None) -> None:
    """Put the limits that are named in the place of those there are; a kind that is not named stays as it was."""
    for kind, named in (("collection", collections), ("tool", tools)):
        if named is not None:
            SessionScope.objects.filter(session=session, **{f"{kind}__isnull": False}).delete()
            Session.objects.filter(pk=session.pk).update(**{f"limits_{kind}s": True})
    _limit(session, collections or (), tools or ())


def _customer(who: CustomerName | None, channel: SalesChannel) -> Customer | None:
    if who is None:
        return None
    return identify_customer(channel=who.channel or channel, external_id=who.external_id, name=who.name)


@transaction.atomic
def end_session(session: Session, *, reason: str = "ended") -> Session:
    """End a conversation: nothing more is answered, and its token opens nothing. Ended twice is a conflict.

    ``reason`` tells who listens to the event why: ``ended`` by somebody, ``idle``, ``flow`` where a turn led to the end, or
    ``timeout`` where silence in a step did.
    """
    session = lock_open(session)
    note_move(session, ENDED, by=reason)
    now = timezone.now()
    ended: dict[str, Any] = {"ended_at": now, "state_updated_at": now, "flow_step": ENDED, "step_since": now}
    Session.objects.filter(pk=session.pk).update(**ended)
    session.ended_at, session.flow_step = now, ENDED
    resolve_with_session(session)
    record_event("session.ended", subject=session, data={"turns": session.turn_number, "reason": reason})
    return session


def lock_open(session: Session) -> Session:
    """Return the conversation as it is now, locked; raises ``Conflict`` (``session_ended``)."""
    row: Session = Session.objects.select_for_update(of=("self",)).select_related("bot_version").get(pk=session.pk)
    if row.ended_at:
        raise Conflict("session_ended", _("This conversation has ended."))
    return row


@transaction.atomic
def change_session(
    *,
    session: Session,
    by: str,
    flow_step: str | None = None,
    flow_context: dict[str, Any] | None = None,
    ext_metadata: dict[str, Any] | None = None,
) -> None:
    """Change what a front end keeps of a conversation, and move it to another step; ``by``: who does, for the log.

    Moved to ``ended`` it ends. Raises ``Conflict`` (``session_ended``, ``step_not_allowed``) and ``DomainError``
    (``unknown_step``).
    """
    row = lock_open(session)
    kept = {"flow_context": flow_context, "ext_metadata": ext_metadata}
    Session.objects.filter(pk=row.pk).update(
        state_updated_at=timezone.now(), **{name: value for name, value in kept.items() if value is not None}
    )
    if flow_step is not None and flow_step != row.flow_step:
        _check_step(read_flow(row.bot_version.flow_config), row.flow_step, flow_step)
        move_session(row, flow_step, by=by)


def _check_step(flow: Flow, here: str, step: str) -> None:
    if flow.steps and step not in flow.steps and step != ENDED:
        said = _("There is no step “%(step)s”.") % {"step": step}
        raise DomainError("unknown_step", said, field="flow_step")
    if not flow.may_follow(here, step):
        following = ", ".join([*(flow.steps[here].next or ()), ENDED])
        said = _("“%(step)s” does not follow “%(here)s”. What may: %(following)s.")
        raise Conflict("step_not_allowed", said % {"step": step, "here": here, "following": following})


def move_session(session: Session, step: str, *, by: str) -> None:
    """Put a conversation, which the caller has locked, into another step; into ``ended`` it ends."""
    if step == ENDED:
        end_session(session, reason=TIMEOUT if by == TIMEOUT else "ended")
        return
    note_move(session, step, by=by)
    Session.objects.filter(pk=session.pk).update(flow_step=step, step_since=timezone.now())


def note_move(session: Session, step: str, *, by: str) -> None:
    """Keep a move as a decision, where the flow names its steps."""
    if step == session.flow_step or not read_flow(session.bot_version.flow_config).steps:
        return
    moved = {"from": session.flow_step, "to": step, "by": by}
    DecisionEvent.objects.create(
        session=session,
        bot_version=session.bot_version,
        event_type=DecisionEvent.EventType.FLOW_STEP,
        decision_metadata=moved,
    )
    record_event("session.moved", subject=session, data={**moved, "session": str(session.pk)})


def set_slot(
    *,
    session: Session,
    slot_key: str,
    slot_value: str,
    confidence: float | None = None,
    extracted_from_turn: Turn | None = None,
    expires_at: datetime | None = None,
) -> ContextSlot:
    """Write what is known about a wish of the customer, in the place of what was known before: one statement.

    Raises ``Conflict`` (``too_many``): a browser may write slots, and every turn reads them.
    """
    if ContextSlot.objects.filter(session=session).exclude(slot_key=slot_key).count() >= MOST_SLOTS:
        raise Conflict("too_many", _("A conversation has up to %(most)d slots.") % {"most": MOST_SLOTS})
    slot = ContextSlot(
        session=session,
        slot_key=slot_key,
        slot_value=slot_value,
        confidence=confidence,
        extracted_from_turn=extracted_from_turn,
        expires_at=expires_at,
        updated_at=timezone.now(),
    )
    changed = ["slot_value", "confidence", "extracted_from_turn", "expires_at", "updated_at"]
    ContextSlot.objects.bulk_create(
        [slot], update_conflicts=True, unique_fields=["tenant", "session", "slot_key"], update_fields=changed
    )
    return ContextSlot.objects.get(session=session, slot_key=slot_key)
