"""A message as a turn would decide it, without a conversation: nothing is stored, counted, kept or asked of a model.

The tiers, the look-up and the thresholds are those of ``runtime/turn.py``; only what ``LOAD`` reads comes from elsewhere.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from bots.flow import Flow, read_flow
from bots.models import AnswerThreshold, Bot, BotVersion, Intent
from catalog.models import SalesChannel, SearchText
from runtime.context import Reply, TurnContext
from runtime.guarding import hear, speak
from runtime.models import Session, Tier
from runtime.tiers import TIERS
from runtime.tiers.model import answer_from_model
from runtime.trial import saved_rules, thresholds_of
from tenants.models import Tenant
from tenants.scope import current_tenant_id
from tenants.text import narrowed, nfc
from vault.models import Credential

NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Rehearsed:
    """What a turn would see and say. ``reply`` None: the language model would be asked."""

    context: TurnContext
    reply: Reply | None

    @property
    def tier(self) -> Tier:
        """What would answer."""
        return self.reply.tier if self.reply else Tier.LLM

    @property
    def answers_from(self) -> set[tuple[str, str]]:
        """Kind and id of the texts and offerings that it would answer with: of a document the chunk; none when it does not."""
        if self.reply is None or self.tier not in (Tier.FAQ, Tier.CATALOG, Tier.CACHE):
            return set()
        return {(source["kind"], str(source.get("chunk", source["id"]))) for source in self.reply.sources}


def open_stage(bot: Bot, *, version: BotVersion | None = None, language: str = "") -> TurnContext:
    """Return the context of a conversation that has not begun: for ``rehearse`` to ask in.

    It is held with this ``version`` of the bot, else with the active one, by somebody who was greeted in this ``language``.
    """
    version = version or BotVersion.objects.filter(bot=bot, is_active=True).first()
    flow = read_flow(version.flow_config) if version else Flow()
    business = Tenant.objects.only("currency", "locale").get(pk=current_tenant_id())
    channel = SalesChannel.objects.filter(is_active=True).order_by("created_at").first()
    return TurnContext(
        session_id=NOBODY,
        turn_id=NOBODY,
        bot_id=bot.pk,
        bot_version_id=version.pk if version else NOBODY,
        channel=channel.code if channel else "",
        owner=Session.Owner.BOT,
        flow_step=flow.first_step,
        flow=flow,
        turn_number=0,
        currency=business.currency,
        locale=business.locale,
        knows_intents=Intent.objects.filter(is_active=True).exists(),
        message="",
        slots={},
        has_documents=SearchText.objects.filter(kind=SearchText.Kind.DOCUMENT).exists(),
        session_language=language,
        has_model=Credential.objects.filter(provider="openai", kind__in=["api_key", "custom"], is_active=True).exists(),
        thresholds=thresholds_of(AnswerThreshold.objects.filter(bot=bot).first()),
        rules=tuple(saved_rules(bot)),
    )


def rehearse(stage: TurnContext, message: str) -> Rehearsed:
    """Ask the tiers in their order, up to the language model, and the guardrails before and after."""
    context = hear(replace(stage, message=narrowed(nfc(message)).strip()))
    for tier in TIERS:
        if tier is answer_from_model and context.may_ask_model:
            return Rehearsed(context, None)
        if reply := tier(context):
            return Rehearsed(context, speak(context, reply))
    raise AssertionError("the last tier always answers")
