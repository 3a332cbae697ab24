"""Writes to bots that touch several rows: versions and their activation, FAQs in bulk."""

from collections.abc import Sequence
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Bot, BotVersion, BotVersionCapability, Capability, Faq
from tenants.errors import Conflict
from tenants.models import User
from tenants.queue import wake


@transaction.atomic
def create_version(
    *,
    bot: Bot,
    system_prompt: str = "",
    flow_config: dict[str, Any] | None = None,
    capabilities: Sequence[Capability] = (),
    created_by: User | None = None,
) -> BotVersion:
    """Add the next version of a bot, a draft until it is activated."""
    Bot.objects.select_for_update().get(pk=bot.pk)  # one number at a time
    newest = BotVersion.objects.filter(bot=bot).aggregate(newest=models.Max("version"))["newest"] or 0
    version = BotVersion.objects.create(
        bot=bot, version=newest + 1, system_prompt=system_prompt, flow_config=flow_config or {}, created_by=created_by
    )
    set_capabilities(version=version, capabilities=capabilities)
    return version


def set_capabilities(*, version: BotVersion, capabilities: Sequence[Capability]) -> None:
    """Say what a version may use, instead of what it might before."""
    version.version_capabilities.all().delete()
    BotVersionCapability.objects.bulk_create(
        BotVersionCapability(bot_version=version, capability=capability) for capability in dict.fromkeys(capabilities)
    )


@transaction.atomic
def activate_version(*, version: BotVersion) -> BotVersion:
    """Make a version, new or old, the one that new sessions speak with; running sessions stay on theirs.

    Raises ``Conflict`` for an archived bot.
    """
    bot = Bot.objects.select_for_update().get(pk=version.bot_id)
    if bot.status != Bot.Status.ACTIVE:
        raise Conflict("bot_archived", _("The bot is archived."))
    BotVersion.objects.filter(bot=bot, is_active=True).exclude(pk=version.pk).update(is_active=False)
    BotVersion.objects.filter(pk=version.pk).update(is_active=True, activated_at=timezone.now())
    version.refresh_from_db()
    return version


@transaction.atomic
def create_faqs(*, faqs: Sequence[Faq]) -> list[Faq]:
    """Add many FAQs, all or none. They are found at commit; their vectors follow."""
    made = Faq.objects.bulk_create(faqs)
    wake("catalog.embed_texts")
    return made
