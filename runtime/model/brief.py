"""What a model is told about the bot and the conversation beside the sources: read only when a model is asked."""

import json
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from bots.flow import read_flow
from bots.memories import recall
from bots.prompts import PromptValues, fill_prompt, memory_keys
from runtime.context import TurnContext
from tenants.scope import current_tenant_id

HISTORY_TURNS = 12
"""Messages before this one that a model is shown, the newest; ``HISTORY_LENGTH`` may leave fewer."""
HISTORY_LENGTH = 6000
"""Characters of them all together."""
MESSAGE_LENGTH = 1500
"""Characters of one of them."""

BRIEF = """
SELECT b.name AS bot, t.name AS business, v.system_prompt, v.flow_config -> 'tools' AS tools, s.customer_id, s.channel_id,
    coalesce(c.name, '') AS customer, (%(now)s AT TIME ZONE t.time_zone)::date AS today,
    ARRAY(SELECT p.code FROM bots_botversioncapability g JOIN bots_capability p ON p.id = g.capability_id
          WHERE g.tenant_id = %(tenant)s AND g.bot_version_id = v.id ORDER BY p.code) AS capabilities,
    EXISTS (SELECT FROM bots_tool x WHERE x.tenant_id = %(tenant)s AND x.is_active
            AND (x.bot_id IS NULL OR x.bot_id = b.id)) AS has_tools,
    (SELECT count(*) FROM runtime_decisionevent AS d
     WHERE d.tenant_id = %(tenant)s AND d.event_type = 'tier_selection' AND d.created_at > %(now)s - interval '1 day'
        AND d.decision_metadata ? 'model' AND d.session_id IN (
            SELECT o.id FROM runtime_session AS o
            WHERE o.tenant_id = %(tenant)s AND (o.id = s.id OR o.customer_id = s.customer_id))) AS asked_today,
    coalesce((SELECT jsonb_agg(jsonb_build_array(h.speaker, h.message) ORDER BY h.id DESC) FROM (
        SELECT id, speaker, left(message, %(length)s) AS message FROM runtime_turn
        WHERE tenant_id = %(tenant)s AND session_id = s.id AND id < %(turn)s AND message <> ''
            AND speaker IN ('user', 'assistant', 'agent')
        ORDER BY id DESC LIMIT %(turns)s) AS h), '[]') AS history
FROM runtime_session AS s
JOIN bots_bot AS b ON b.tenant_id = %(tenant)s AND b.id = s.bot_id
JOIN bots_botversion AS v ON v.tenant_id = %(tenant)s AND v.id = s.bot_version_id
JOIN tenants_tenant AS t ON t.id = s.tenant_id
LEFT JOIN catalog_customer AS c ON c.tenant_id = %(tenant)s AND c.id = s.customer_id
WHERE s.tenant_id = %(tenant)s AND s.id = %(session)s
"""


@dataclass(frozen=True)
class Brief:
    """Who the bot is and may do, who it speaks with, and what was said: ``history`` as speaker and message, oldest first.

    ``instructions`` are the version's with every variable filled in, ``system_prompt`` the same without what is a customer's
    own: of these two it alone may prove what the bot says. ``tools``: codes of those the version may call; None: all.
    ``asked_today``: turns of the last 24 h in which a model was asked, in all conversations of the customer.
    """

    bot: str
    business: str
    instructions: str
    system_prompt: str
    tools: frozenset[str] | None
    customer_id: UUID | None
    channel_id: UUID
    capabilities: frozenset[str]
    has_tools: bool
    asked_today: int
    history: tuple[tuple[str, str], ...]

    @property
    def said_by_customer(self) -> tuple[str, ...]:
        """The customer's own earlier words."""
        return tuple(message for speaker, message in self.history if speaker == "user")


def read_brief(context: TurnContext) -> Brief:
    """Return the brief of the conversation, in one round trip."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "session": context.session_id,
        "turn": context.turn_id,
        "turns": HISTORY_TURNS,
        "length": MESSAGE_LENGTH,
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(BRIEF, values)
        row: Any = dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))
    history = tuple(_fitting(json.loads(row.pop("history"))))
    tools = read_flow({"tools": json.loads(row.pop("tools") or "null")}).tools
    prompts = _prompts(context, row, today=row.pop("today"), customer=row.pop("customer"))
    sets = {"capabilities": frozenset(row["capabilities"]), "tools": tools}
    return Brief(**{**row, **prompts, **sets, "history": history})


def _prompts(context: TurnContext, row: dict[str, Any], *, today: date, customer: str) -> dict[str, str]:
    """Return the instructions, for the model and as a proof; memory is read only where they name some."""
    text = row["system_prompt"]
    values = PromptValues(row["bot"], row["business"], today, context.question.language)
    own = values
    if keys := memory_keys(text):
        values = replace(values, memories=recall(bot_id=context.bot_id, keys=keys))
        own = replace(values, memories=recall(bot_id=context.bot_id, keys=keys, customer_id=row["customer_id"]))
    return {
        "instructions": fill_prompt(text, replace(own, customer_name=customer)),
        "system_prompt": fill_prompt(text, values),
    }


def _fitting(newest_first: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the newest messages that fit into the window, oldest first."""
    kept, length = [], 0
    for speaker, message in newest_first:
        length += len(message)
        if length > HISTORY_LENGTH:
            break
        kept.append((speaker, message))
    return kept[::-1]
