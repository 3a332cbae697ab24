"""One row of every tenant table, made in the current scope: what the boundary tests, the route and page matrices need.

A table without an entry fails ``test_boundaries.test_every_tenant_table_has_a_row_to_test_with``.
"""

import hashlib
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from bots.models import (
    AnswerThreshold,
    Bot,
    BotMemory,
    BotSetting,
    BotVersion,
    BotVersionCapability,
    Capability,
    Faq,
    Guardrail,
    Intent,
    IntentExample,
    KnowledgeChunk,
    KnowledgeCollection,
    KnowledgeDocument,
    RetrievalMark,
    Tool,
)
from catalog.models import (
    AttributeDefinition,
    AttributeValue,
    Customer,
    CustomerIdentity,
    CustomerMerge,
    ImportChange,
    ImportJob,
    ImportMapping,
    ImportRow,
    InventoryItem,
    InventoryLocation,
    KnowledgeDomain,
    Offering,
    OfferingImage,
    OfferingTranslation,
    OfferingVersion,
    Order,
    OrderCounter,
    OrderEntry,
    OrderLine,
    OrderReturn,
    OrderReturnLine,
    PriceChange,
    PriceList,
    PriceListChange,
    SalesChannel,
    ScheduledActivation,
    SearchSynonym,
    SearchText,
    SearchVector,
    StockAllocation,
    StockMovement,
    StockReservation,
    Variant,
    VariantPrice,
)
from catalog.services import next_priority
from runtime.models import (
    ActionExecution,
    ContextSlot,
    DecisionEvent,
    Escalation,
    KnowledgeGap,
    Rating,
    SemanticCacheEntry,
    Session,
    SessionScope,
    Turn,
    UiEvent,
)
from tenants.audit import seal_batch
from tenants.events import record_event
from tenants.models import ApiKey, AuditEntry, AuditSeal, Event, IdempotencyKey, Membership, Setting, StoredFile, User
from vault.events_out import create_destination
from vault.models import (
    Budget,
    BudgetPeriod,
    Credential,
    CredentialGrant,
    CredentialSecret,
    CredentialUse,
    EventDelivery,
    EventDestination,
    MasterKey,
    TenantKey,
    UsageEntry,
)
from vault.services import reveal, store_credential


def code(prefix: str = "x") -> str:
    """Return a code nobody else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def a_domain() -> KnowledgeDomain:
    return KnowledgeDomain.objects.create(code=code("domain"), name="Domain")


def an_offering(name: str = "Secret offering", **fields: Any) -> Offering:
    offering = Offering.objects.create(code=code("offering"), status="active", **fields)
    OfferingVersion.objects.create(offering=offering, version=1, name=name, status="active")
    return offering


def a_variant() -> Variant:
    return Variant.objects.create(offering=an_offering(), sku=code("SKU"))


def a_location() -> InventoryLocation:
    return InventoryLocation.objects.create(code=code("location"))


def a_channel() -> SalesChannel:
    return SalesChannel.objects.create(code=code("channel"), name="Channel")


def a_price_list() -> PriceList:
    return PriceList.objects.create(code=code("list"), name="Secret list", priority=next_priority())


def a_price() -> VariantPrice:
    return VariantPrice.objects.create(variant=a_variant(), price_list=a_price_list(), currency="VND", amount=199_000)


def a_movement() -> StockMovement:
    return StockMovement.objects.create(variant=a_variant(), location=a_location(), quantity=5, reason="receipt")


def an_attribute_value() -> AttributeValue:
    definition = AttributeDefinition.objects.create(domain=a_domain(), key="colour", name="Colour")
    version = an_offering().versions.get()
    return AttributeValue.objects.create(offering_version=version, attribute_definition=definition, value_text="red")


def a_customer() -> Customer:
    return Customer.objects.create(name="Secret customer", phone="0900000000")


def an_order() -> Order:
    number = OrderCounter.objects.get_or_create(defaults={"last": 1000})[0]
    OrderCounter.objects.update(last=number.last + 1)
    order = Order.objects.create(
        number=number.last + 1, customer=a_customer(), channel=a_channel(), currency="VND", total=398_000
    )
    OrderEntry.objects.create(order=order, kind="created", text="Secret entry")
    return order


def an_order_line(order: Order | None = None) -> OrderLine:
    variant = a_variant()
    return OrderLine.objects.create(
        order=order or an_order(), variant=variant, sku=variant.sku, quantity=2, unit_price=199_000, total=398_000
    )


def a_return() -> OrderReturn:
    return OrderReturn.objects.create(order=an_order(), note="Secret return")


def a_return_line() -> OrderReturnLine:
    line = an_order_line()
    made = OrderReturn.objects.create(order=line.order)
    return OrderReturnLine.objects.create(order_return=made, order_line=line, quantity=1)


def a_reservation() -> StockReservation:
    return StockReservation.objects.create(variant=a_variant(), quantity=1)


def a_job() -> ImportJob:
    stored = StoredFile.objects.create(name="secret.csv", media_type="text/csv", size=1, sha256="0" * 64)
    return ImportJob.objects.create(source_file=stored, currency="VND", state="done", status="staged")


def a_bot_version() -> BotVersion:
    bot = Bot.objects.create(code=code("bot"), name="Secret bot")
    return BotVersion.objects.create(bot=bot, version=1, is_active=True)


def a_collection() -> KnowledgeCollection:
    return KnowledgeCollection.objects.create(code=code("collection"), name="Secret collection")


def a_document() -> KnowledgeDocument:
    stored = StoredFile.objects.create(name="secret.md", media_type="text/markdown", size=1, sha256="0" * 64)
    return KnowledgeDocument.objects.create(
        collection=a_collection(), name="Secret document", source="file", file=stored, state="done", status="indexed"
    )


def a_chunk() -> KnowledgeChunk:
    return KnowledgeChunk.objects.create(document=a_document(), position=0, text="Secret words.", content_hash=b"0" * 32)


def a_tool() -> Tool:
    return Tool.objects.create(
        code=code("secret").replace("-", "_"), name="Secret tool", bot=a_bot_version().bot, url="https://tools.invalid/"
    )


def a_mark() -> RetrievalMark:
    question = code("secret question")
    return RetrievalMark.objects.create(
        bot=a_bot_version().bot, question=question, question_key=question, kind="faq", source_id=uuid.uuid4(), is_right=True
    )


def a_session() -> Session:
    version = a_bot_version()
    token = hashlib.sha256(code().encode()).digest()
    return Session.objects.create(bot=version.bot, bot_version=version, channel=a_channel(), token_hash=token)


def a_turn() -> Turn:
    return Turn.objects.create(session=a_session(), speaker="user", message="Secret message")


def a_cached_answer() -> SemanticCacheEntry:
    version = a_bot_version()
    return SemanticCacheEntry.objects.create(
        bot=version.bot,
        bot_version=version,
        language="en",
        query_text="Secret question",
        query_key=b"secret",
        telling_key=b"secret",
        response_text="Secret answer",
        sources=[],
        confidence=1,
        expires_at=timezone.now() + timedelta(days=1),
    )


def an_intent() -> Intent:
    return Intent.objects.create(code=code("intent"), name="Secret wish")


def a_decision() -> DecisionEvent:
    turn = a_turn()
    return DecisionEvent.objects.create(
        session=turn.session, input_turn=turn, bot_version=turn.session.bot_version, tier="faq"
    )


def an_escalation() -> Escalation:
    turn = a_turn()
    return Escalation.objects.create(session=turn.session, turn=turn, reason="Secret reason")


def a_rating() -> Rating:
    turn = a_turn()
    said = Turn.objects.create(session=turn.session, in_reply_to=turn, speaker="assistant", message="Secret answer")
    return Rating.objects.create(session=turn.session, turn=said, rater="customer", vote="down", comment="Secret comment")


def a_gap() -> KnowledgeGap:
    turn = a_turn()
    return KnowledgeGap.objects.create(
        bot=turn.session.bot,
        question_key=code("secret"),
        question="Secret question?",
        reason="unanswered",
        turn=turn,
        last_asked_at=timezone.now(),
    )


def a_member() -> Membership:
    user = User.objects.create_user(f"{code('secret')}@example.com")
    return Membership.objects.create(user=user, role="analyst")


def an_api_key() -> ApiKey:
    key = ApiKey(name="Secret key")
    key.make_key()
    key.save()
    return key


def an_idempotency_key() -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        principal="test", key=code(), route="POST /", body_hash=b"0" * 32, lease_until=timezone.now() + timedelta(seconds=30)
    )


def a_budget() -> Budget:
    bot = Bot.objects.create(code=code("bot"), name="Secret bot")
    return Budget.objects.create(bot=bot, limit_amount=10)


def a_usage_entry() -> UsageEntry:
    return UsageEntry.objects.create(
        key=code("call"), kind="chat", provider="openai", model=code("model"), state="settled", amount=0
    )


def a_search_text() -> SearchText:
    an_offering(code("Secret"))
    return SearchText.objects.latest("created_at")


def a_search_vector() -> SearchVector:
    return SearchVector.objects.get(text=a_search_text())


def an_audit_entry() -> AuditEntry:
    return AuditEntry.objects.about(a_location()).get()


def an_audit_seal() -> AuditSeal:
    an_audit_entry()
    seal_batch()
    return AuditSeal.objects.latest("id")


def an_event() -> Event:
    record_event("import.finished", subject=a_job(), data={"file": "secret.csv"})
    return Event.objects.latest("id")


def a_credential() -> Credential:
    return store_credential(provider="openai", kind="api_key", label="Secret key", secret={"api_key": code("sk")})


def a_destination() -> EventDestination:
    # Nobody answers there: .invalid is no name.
    return create_destination(name=code("Secret destination"), url="http://hooks.invalid/secret")[0]


def a_delivery() -> EventDelivery:
    return EventDelivery.objects.create(
        destination=a_destination(), event_id=uuid.uuid4(), kind="order.created", body="{}", state="failed"
    )


def a_use() -> CredentialUse:
    reveal(a_credential(), why="test")
    return CredentialUse.objects.latest("created_at")


ROWS: dict[type[models.Model], Callable[[], Any]] = {
    ActionExecution: lambda: ActionExecution.objects.create(session=a_session(), action_name="price_lookup"),
    AnswerThreshold: lambda: AnswerThreshold.objects.create(bot=a_bot_version().bot),
    ApiKey: an_api_key,
    AttributeValue: an_attribute_value,
    AuditEntry: an_audit_entry,
    AuditSeal: an_audit_seal,
    Bot: lambda: a_bot_version().bot,
    BotMemory: lambda: BotMemory.objects.create(bot=a_bot_version().bot, key="secret", value="Secret memory"),
    BotSetting: lambda: BotSetting.objects.create(bot=a_bot_version().bot, key="secret", value="Secret setting"),
    BotVersion: a_bot_version,
    BotVersionCapability: lambda: BotVersionCapability.objects.create(
        bot_version=a_bot_version(), capability=Capability.objects.create(code=code("capability"), name="Capability")
    ),
    Budget: a_budget,
    BudgetPeriod: lambda: BudgetPeriod.objects.create(budget=a_budget(), starts_at=timezone.now()),
    ContextSlot: lambda: ContextSlot.objects.create(session=a_session(), slot_key="budget", slot_value="5000000"),
    Credential: a_credential,
    CredentialGrant: lambda: CredentialGrant.objects.create(credential=a_credential(), bot=a_bot_version().bot),
    CredentialSecret: lambda: a_credential().secrets.get(),
    CredentialUse: a_use,
    Customer: a_customer,
    CustomerIdentity: lambda: CustomerIdentity.objects.create(
        customer=a_customer(), channel=a_channel(), external_id=code("external")
    ),
    CustomerMerge: lambda: CustomerMerge.objects.create(source=a_customer(), target=a_customer()),
    DecisionEvent: a_decision,
    Escalation: an_escalation,
    Event: an_event,
    EventDelivery: a_delivery,
    EventDestination: a_destination,
    Guardrail: lambda: Guardrail.objects.create(
        code=code("rule"),
        name="Secret rule",
        condition_expression="message.contains('secret')",
        fallback_message="Secret words.",
    ),
    Faq: lambda: Faq.objects.create(question="Secret question?", answer="Secret answer.", language="en"),
    IdempotencyKey: an_idempotency_key,
    Intent: an_intent,
    IntentExample: lambda: IntentExample.objects.create(intent=an_intent(), text="Secret wording", language="en"),
    ImportChange: lambda: ImportChange.objects.create(job=a_job(), kind="offering", subject_id=uuid.uuid4()),
    ImportJob: a_job,
    ImportMapping: lambda: ImportMapping.objects.create(name=code("mapping"), columns={"Secret": "code"}),
    ImportRow: lambda: ImportRow.objects.create(job=a_job(), row=2, kind="variant", handle="secret", outcome="error"),
    # Without stock: only movements may bring some.
    InventoryItem: lambda: InventoryItem.objects.create(variant=a_variant(), location=a_location(), safety_stock=2),
    InventoryLocation: a_location,
    KnowledgeChunk: a_chunk,
    KnowledgeCollection: a_collection,
    KnowledgeDocument: a_document,
    KnowledgeGap: a_gap,
    MasterKey: lambda: MasterKey.objects.create(name=code("key"), canary=b"canary"),
    Membership: a_member,
    Offering: an_offering,
    OfferingImage: lambda: OfferingImage.objects.create(offering=an_offering(), url="https://example.com/a.jpg"),
    OfferingTranslation: lambda: OfferingTranslation.objects.create(
        offering_version=an_offering().versions.get(), language="en", name="Secret words"
    ),
    OfferingVersion: lambda: an_offering().versions.get(),
    Order: an_order,
    OrderCounter: lambda: an_order() and OrderCounter.objects.get(),
    OrderEntry: lambda: an_order().entries.get(),
    OrderLine: an_order_line,
    OrderReturn: a_return,
    OrderReturnLine: a_return_line,
    PriceChange: lambda: a_price() and PriceChange.objects.latest("created_at"),
    PriceList: a_price_list,
    PriceListChange: lambda: a_price_list().changes.get(),
    Rating: a_rating,
    RetrievalMark: a_mark,
    SemanticCacheEntry: a_cached_answer,
    SalesChannel: a_channel,
    ScheduledActivation: lambda: ScheduledActivation.objects.create(
        offering_version=an_offering().versions.get(), activate_at=timezone.now(), planned_over="secret", state="failed"
    ),
    SearchSynonym: lambda: SearchSynonym.objects.create(term=code("secret"), synonyms=["hidden"]),
    SearchText: a_search_text,
    SearchVector: a_search_vector,
    Session: a_session,
    SessionScope: lambda: SessionScope.objects.create(session=a_session(), collection=a_collection()),
    Setting: lambda: Setting.objects.create(name="require_second_factor", value=True),
    StockAllocation: lambda: StockAllocation.objects.create(reservation=a_reservation(), location=a_location(), quantity=1),
    StockMovement: a_movement,
    StockReservation: a_reservation,
    StoredFile: lambda: a_job().source_file,
    # Retired, for there may be only one that is not.
    TenantKey: lambda: TenantKey.objects.create(master_key=code("key"), wrapped=b"wrapped", retired_at=timezone.now()),
    Tool: a_tool,
    Turn: a_turn,
    UiEvent: lambda: UiEvent.objects.create(session=a_session(), kind="card-clicked", data={"sku": "Secret"}),
    UsageEntry: a_usage_entry,
    Variant: a_variant,
    VariantPrice: a_price,
}


def make_row(model: type[models.Model]) -> Any:
    """Make one row of ``model`` with all it hangs on, in the current scope."""
    return ROWS[model]()
