"""Writes to bots that touch several rows: versions, drafts and their activation, and FAQs in bulk.

What others build on::

    create_version(bot=…, clone_of=None, system_prompt=None, flow_config=None, capabilities=None, created_by=None)
    change_draft(version=…, system_prompt=…, flow_config=…, capabilities=…)
    activate_version(version=…)                       # also goes back to an older one
    version_diff(version, other)  (bots.versions)
"""

from collections.abc import Sequence
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.flow import check_flow
from bots.models import Bot, BotVersion, BotVersionCapability, Capability, Faq
from bots.prompts import check_prompt
from tenants.errors import Conflict
from tenants.models import User
from tenants.queue import wake


@transaction.atomic
def create_version(
    *,
    bot: Bot,
    clone_of: BotVersion | None = None,
    system_prompt: str | None = None,
    flow_config: dict[str, Any] | None = None,
    capabilities: Sequence[Capability] | None = None,
    created_by: User | None = None,
) -> BotVersion:
    """Add the next version of a bot, a draft until it is activated.

    What is left out is taken over from ``clone_of``, else the flow from the bot's domain. Raises ``InvalidFlow`` and
    ``UnknownPlaceholder`` (422).
    """
    Bot.objects.select_for_update().get(pk=bot.pk)  # one number at a time
    newest = BotVersion.objects.filter(bot=bot).aggregate(newest=models.Max("version"))["newest"] or 0
    if capabilities is None:
        capabilities = clone_of.capabilities if clone_of else ()
    said = _said(bot, clone_of, system_prompt, flow_config)
    version = BotVersion.objects.create(bot=bot, version=newest + 1, created_by=created_by, **said)
    _set_capabilities(version, capabilities)
    return version


def _said(bot: Bot, clone_of: BotVersion | None, prompt: str | None, flow: dict[str, Any] | None) -> dict[str, Any]:
    if prompt is None:
        prompt = clone_of.system_prompt if clone_of else ""
    if flow is None:
        flow = clone_of.flow_config if clone_of else bot.domain.flow_config if bot.domain else {}
    check_prompt(prompt)
    check_flow(flow)
    return {"system_prompt": prompt, "flow_config": flow}


@transaction.atomic
def change_draft(
    *,
    version: BotVersion,
    system_prompt: str | None = None,
    flow_config: dict[str, Any] | None = None,
    capabilities: Sequence[Capability] | None = None,
) -> BotVersion:
    """Change a version that never spoke, in what is given.

    Raises ``Conflict`` (``version_spoke``) for any other one, and as ``create_version`` does.
    """
    row = lock_draft(version)
    row.system_prompt = row.system_prompt if system_prompt is None else system_prompt
    row.flow_config = row.flow_config if flow_config is None else flow_config
    check_prompt(row.system_prompt)
    check_flow(row.flow_config)
    row.save(update_fields=["system_prompt", "flow_config"])
    if capabilities is not None:
        _set_capabilities(row, capabilities)
    return row


def lock_draft(version: BotVersion) -> BotVersion:
    """Return the version, locked, if it never spoke; raises ``Conflict`` (``version_spoke``)."""
    row: BotVersion = BotVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    if row.activated_at is not None:
        raise Conflict("version_spoke", _("A version that was active never changes. Begin the next one as its copy."))
    return row


def _set_capabilities(version: BotVersion, capabilities: Sequence[Capability]) -> None:
    version.version_capabilities.all().delete()
    BotVersionCapability.objects.bulk_create(
        BotVersionCapability(bot_version=version, capability=capability) for capability in dict.fromkeys(capabilities)
    )


@transaction.atomic
def delete_draft(*, version: BotVersion) -> None:
    """Delete a version that never spoke; raises ``Conflict`` (``version_spoke``)."""
    lock_draft(version).delete()


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
