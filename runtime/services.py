"""Beginning and ending a conversation. What happens in between is ``runtime/turn.py``."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.flow import read_flow
from bots.models import Bot, BotVersion, KnowledgeCollection, Tool
from catalog.customers import identify_customer
from catalog.models import Customer, SalesChannel
from runtime.escalations import resolve_with_session
from runtime.models import ContextSlot, Session, SessionScope, Turn
from tenants.errors import Conflict, DomainError
from tenants.events import record_event
from tenants.models import hash_token

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
    flow_context: dict[str, Any] | None = None,
    ext_metadata: dict[str, Any] | None = None,
    collections: Sequence[KnowledgeCollection] | None = None,
    tools: Sequence[Tool] | None = None,
) -> tuple[Session, str]:
    """Open a conversation with the bot's active version; returns it with its token, which is shown once.

    ``collections`` and ``tools`` are all that it may use; left out, it may use every one of the bot. Raises ``Conflict``
    with ``no_active_version``, ``DomainError`` for a channel that is switched off and for what is another bot's.
    """
    _check_channel(channel)
    version = BotVersion.objects.filter(bot=bot, is_active=True).first()
    if version is None or bot.status != Bot.Status.ACTIVE:
        raise Conflict("no_active_version", _("The bot has no active version."))
    token = _new_token()
    session = Session.objects.create(
        bot=bot,
        bot_version=version,
        channel=channel,
        customer=_customer(customer, channel),
        token_hash=hash_token(token),
        flow_step=read_flow(version.flow_config).first_step,
        flow_context=flow_context or {},
        ext_metadata=ext_metadata or {},
        limits_collections=collections is not None,
        limits_tools=tools is not None,
    )
    _limit(session, collections=collections or (), tools=tools or ())
    record_event("session.started", subject=session, data={"bot": bot.code, "channel": channel.code})
    return session, token


@transaction.atomic
def resume_session(*, bot: Bot, channel: SalesChannel, customer: CustomerName, **begin: Any) -> tuple[Session, str, bool]:
    """Go on with the customer's open conversation, under a new token in the place of the old one; else ``begin`` one.

    Returns session, token and whether it is new. The conversation keeps version, context and limits it began with.
    Raises what ``start_session`` raises.
    """
    _check_channel(channel)
    known = identify_customer(channel=customer.channel or channel, external_id=customer.external_id, name=customer.name)
    list(Customer.objects.select_for_update(no_key=True).filter(pk=known.pk).values_list("pk"))  # two at once begin one
    open_ones = Session.objects.filter(bot=bot, channel=channel, customer=known, ended_at=None)
    session = open_ones.select_for_update(of=("self",), no_key=True).order_by("-id").first()
    if session is None:
        return (*start_session(bot=bot, channel=channel, customer=customer, **begin), True)
    token = _new_token()
    Session.objects.filter(pk=session.pk).update(token_hash=hash_token(token), state_updated_at=timezone.now())
    return session, token, False


def _check_channel(channel: SalesChannel) -> None:
    if not channel.is_active:
        raise DomainError("inactive_channel", _("This channel is switched off."), field="channel")


def _new_token() -> str:
    return SESSION_TOKEN_PREFIX + secrets.token_urlsafe(32)


def _limit(session: Session, *, collections: Sequence[KnowledgeCollection], tools: Sequence[Tool]) -> None:
    for field, named in (("collections", collections), ("tools", tools)):
        if any(one.bot_id not in (None, session.bot_id) for one in named):
            raise DomainError("other_bot", _("It belongs to another bot."), field=field)
    scopes = [SessionScope(session=session, collection=one) for one in dict.fromkeys(collections)]
    SessionScope.objects.bulk_create([*scopes, *(SessionScope(session=session, tool=one) for one in dict.fromkeys(tools))])


def _customer(who: CustomerName | None, channel: SalesChannel) -> Customer | None:
    if who is None:
        return None
    return identify_customer(channel=who.channel or channel, external_id=who.external_id, name=who.name)


@transaction.atomic
def end_session(session: Session, *, reason: str = "ended") -> Session:
    """End a conversation: nothing more is answered, and its token opens nothing. Ended twice is a conflict.

    ``reason`` tells who listens to the event why: ``ended`` by somebody, or ``idle``.
    """
    now = timezone.now()
    if not Session.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, state_updated_at=now):
        raise Conflict("session_ended", _("This conversation has ended."))
    session.ended_at = now
    resolve_with_session(session)
    record_event("session.ended", subject=session, data={"turns": session.turn_number, "reason": reason})
    return session


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
