"""Brings the demo in, step by step: each step does nothing when its work is done, so a broken-off load is finished.

A business counts as loaded when its conversations stand in the past: that is the last step, in one transaction.
Everything goes through the services that people's work goes through, and the conversations through ``take_turn``.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from django.db import transaction
from django.utils import timezone

import bots
import catalog
from bots.documents import create_document
from bots.models import Bot, Capability, Faq, Guardrail, KnowledgeCollection
from bots.services import activate_version, create_faqs, create_version
from catalog.imports.jobs import import_file
from catalog.models import Customer, ImportJob, KnowledgeDomain, SalesChannel, SearchVector
from catalog.search.embedding import embed_due_texts
from runtime.demo.orders import take_orders
from runtime.models import ActionExecution, ContextSlot, DecisionEvent, Session, Turn
from runtime.services import CustomerName, start_session
from runtime.turn import take_turn
from tenants.models import Membership, Tenant, User
from tenants.queue import QueueState
from tenants.roles import Role
from tenants.scope import platform_scope, tenant_scope
from tenants.services import create_tenant, find_or_make_person

PLATFORM_STAFF = "root@backroom.example"
CONVERSATIONS = Path(__file__).parent / "conversations.json"
CATALOGUES = Path(catalog.__file__).parent / "demo"
BOTS = Path(bots.__file__).parent / "demo"

PLAYED, PLAYING = {"origin": "demo"}, {"origin": "demo", "playing": True}
"""``ext_metadata`` of the demo's conversations: at the end, and until they stand in the past."""

EMBEDDING_SECONDS = 30
"""How long to wait for vectors that a worker makes; without them the bot answers by words alone."""

READING_SECONDS, SECONDS_PER_LETTER, ANSWER_SECONDS = 25, 0.4, 1
"""How long customers take between an answer and their next message, and the bot to answer."""


@dataclass(frozen=True)
class Business:
    """A business of the demo; its files are named by its slug."""

    slug: str
    name: str
    currency: str
    locale: str
    time_zone: str
    staff: tuple[tuple[str, Role], ...]


BUSINESSES = (
    Business(
        slug="saigon-gadgets",
        name="Saigon Gadgets",
        currency="VND",
        locale="vi",
        time_zone="Asia/Ho_Chi_Minh",
        staff=(("owner@saigon-gadgets.example", Role.OWNER), ("operator@saigon-gadgets.example", Role.OPERATOR)),
    ),
    Business(
        slug="harbour-homes",
        name="Harbour Homes",
        currency="USD",
        locale="en",
        time_zone="America/New_York",
        staff=(("owner@harbour-homes.example", Role.OWNER),),
    ),
)


def logins() -> list[str]:
    """Return the addresses that can log in to the demo."""
    return [email for business in BUSINESSES for email, _role in business.staff] + [PLATFORM_STAFF]


def load_demo(*, password: str) -> list[str]:
    """Load what is missing of the demo; returns the slugs of the businesses that were loaded now."""
    tenants = [(business, _find_or_create(business, password)) for business in BUSINESSES]
    missing = [(business, tenant) for business, tenant in tenants if not _is_loaded(tenant)]
    if not User.objects.filter(email=PLATFORM_STAFF).exists():
        User.objects.create_superuser(PLATFORM_STAFF, password)
    for business, tenant in missing:
        with tenant_scope(tenant):
            _add_staff(business, password)
            _import_catalogue(business)
            _add_bot(business)
            take_orders(business.slug)
    _embed([tenant for _business, tenant in missing])
    for business, tenant in missing:
        with tenant_scope(tenant), timezone.override(business.time_zone):
            _play_conversations(business)
    return [business.slug for business, _tenant in missing]


def _find_or_create(business: Business, password: str) -> Tenant:
    with platform_scope(reason="is the demo there"):
        found = Tenant.objects.filter(slug=business.slug).first()
    return (
        found
        or create_tenant(
            slug=business.slug,
            name=business.name,
            owner_email=business.staff[0][0],
            password=password,
            currency=business.currency,
            locale=business.locale,
            time_zone=business.time_zone,
        ).tenant
    )


def _is_loaded(tenant: Tenant) -> bool:
    with tenant_scope(tenant):
        return Session.objects.filter(ext_metadata=PLAYED).exists()


def _add_staff(business: Business, password: str) -> None:
    for email, role in business.staff:
        person, _made = find_or_make_person(email, password)
        Membership.objects.get_or_create(user=person, defaults={"role": role})


def _import_catalogue(business: Business) -> None:
    path = CATALOGUES / f"{business.slug}.csv"
    job = import_file(chunks=[path.read_bytes()], name=path.name, currency=business.currency)
    if job.status != ImportJob.Status.COMPLETED:
        raise RuntimeError(f"The demo's catalogue {path.name} was not imported: {job.error_log}")


def _embed(tenants: list[Tenant]) -> None:
    """Have every text embedded, here or by a worker that was faster: the bot answers by meaning, too."""
    deadline = monotonic() + EMBEDDING_SECONDS
    embed_due_texts()
    while any(map(_waits_for_vectors, tenants)) and monotonic() < deadline:
        sleep(0.2)
        embed_due_texts()


def _waits_for_vectors(tenant: Tenant) -> bool:
    with tenant_scope(tenant):
        return SearchVector.objects.filter(state__in=[QueueState.PENDING, QueueState.RUNNING]).exists()


@transaction.atomic
def _add_bot(business: Business) -> None:
    given = _read(BOTS / f"{business.slug}.json")
    if Bot.objects.filter(code=given["bot"]["code"]).exists():
        return
    domain = KnowledgeDomain.objects.get(code=given["bot"]["domain"])
    bot = Bot.objects.create(**{**given["bot"], "domain": domain})
    capabilities = Capability.objects.filter(code__in=given["version"]["capabilities"])
    activate_version(version=create_version(bot=bot, **{**given["version"], "capabilities": list(capabilities)}))
    create_faqs(faqs=[Faq(bot=bot, **faq) for faq in given["faqs"]])
    for guardrail in given["guardrails"]:
        rule = Guardrail(bot=bot, **guardrail)
        rule.full_clean(exclude=["id"])
        rule.save()
    for one in given["collections"]:
        collection = KnowledgeCollection.objects.create(bot=bot, code=one["code"], name=one["name"])
        for document in one["documents"]:
            create_document(collection=collection, **document)


def _play_conversations(business: Business) -> None:
    """Hold the conversations of the file, oldest first, and move them to when they are said to have been."""
    Session.objects.filter(ext_metadata=PLAYING).delete()  # of a load that was broken off
    given = sorted(_read(CONVERSATIONS)[business.slug], key=lambda one: (-one["days_ago"], one["hour"]))
    bot = Bot.objects.get(code=_read(BOTS / f"{business.slug}.json")["bot"]["code"])
    played = [(_play(bot, conversation), _begin(conversation)) for conversation in given]
    with transaction.atomic():
        for session, began in played:
            _move(session, began)


def _play(bot: Bot, conversation: dict[str, Any]) -> Session:
    channel = SalesChannel.objects.get(code=conversation["channel"])
    customer = CustomerName(**conversation["customer"])
    session, _token = start_session(bot=bot, channel=channel, customer=customer, ext_metadata=PLAYING)
    for message in conversation["messages"]:
        take_turn(session_id=session.pk, message=message)
    return session


def _begin(conversation: dict[str, Any]) -> datetime:
    """Return when the conversation began: never so late that its end would lie in the future."""
    now = timezone.localtime()
    day = now.date() - timedelta(days=conversation["days_ago"])
    minute = sum(map(len, conversation["messages"])) % 60
    began = timezone.make_aware(datetime.combine(day, time(conversation["hour"], minute)))
    seconds = sum(map(_seconds_before, conversation["messages"])) + 60
    return min(began, now - timedelta(seconds=seconds))


def _seconds_before(message: str) -> float:
    return READING_SECONDS + SECONDS_PER_LETTER * len(message) + ANSWER_SECONDS


def _move(session: Session, began: datetime) -> None:
    """Set all times of a conversation; one of an earlier day has ended."""
    turns = list(Turn.objects.filter(session=session).order_by("id"))
    times = dict(_times(turns, began))
    for turn in turns:
        turn.created_at = times[turn.pk]
    Turn.objects.bulk_update(turns, ["created_at"])
    for model, asked in ((DecisionEvent, "input_turn_id"), (ActionExecution, "turn_id")):
        rows: list[Any] = list(model.objects.filter(session=session))
        for row in rows:
            row.created_at = times[getattr(row, asked)]
        model.objects.bulk_update(rows, ["created_at"])
    ended = max(times.values())
    is_over = ended.date() < timezone.localdate()
    ContextSlot.objects.filter(session=session).update(created_at=ended, updated_at=ended)
    Customer.objects.filter(sessions=session).update(created_at=began)
    Session.objects.filter(pk=session.pk).update(
        created_at=began, state_updated_at=ended, ended_at=ended if is_over else None, ext_metadata=PLAYED
    )


def _times(turns: list[Turn], began: datetime) -> Iterator[tuple[Any, datetime]]:
    now = began
    for turn in turns:
        waited = _seconds_before(turn.message) if turn.in_reply_to_id is None else ANSWER_SECONDS
        now += timedelta(seconds=waited)
        yield turn.pk, now


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
