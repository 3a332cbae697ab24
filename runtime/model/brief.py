"""What a model is told about the bot and the conversation beside the sources: read only when a model is asked."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from runtime.context import TurnContext
from tenants.scope import current_tenant_id

HISTORY_TURNS = 12
"""Messages before this one that a model is shown, the newest; ``HISTORY_LENGTH`` may leave fewer."""
HISTORY_LENGTH = 6000
"""Characters of them all together."""
MESSAGE_LENGTH = 1500
"""Characters of one of them."""

BRIEF = """
SELECT b.name AS bot, t.name AS business, v.system_prompt, s.customer_id, s.channel_id,
    ARRAY(SELECT p.code FROM bots_botversioncapability g JOIN bots_capability p ON p.id = g.capability_id
          WHERE g.tenant_id = %(tenant)s AND g.bot_version_id = v.id ORDER BY p.code) AS capabilities,
    EXISTS (SELECT FROM bots_tool x WHERE x.tenant_id = %(tenant)s AND x.is_active
            AND (x.bot_id IS NULL OR x.bot_id = b.id)) AS has_tools,
    coalesce((SELECT jsonb_agg(jsonb_build_array(h.speaker, h.message) ORDER BY h.id DESC) FROM (
        SELECT id, speaker, left(message, %(length)s) AS message FROM runtime_turn
        WHERE tenant_id = %(tenant)s AND session_id = s.id AND id < %(turn)s AND message <> ''
            AND speaker IN ('user', 'assistant', 'agent')
        ORDER BY id DESC LIMIT %(turns)s) AS h), '[]') AS history
FROM runtime_session AS s
JOIN bots_bot AS b ON b.tenant_id = %(tenant)s AND b.id = s.bot_id
JOIN bots_botversion AS v ON v.tenant_id = %(tenant)s AND v.id = s.bot_version_id
JOIN tenants_tenant AS t ON t.id = s.tenant_id
WHERE s.tenant_id = %(tenant)s AND s.id = %(session)s
"""


@dataclass(frozen=True)
class Brief:
    """Who the bot is and may do, who it speaks with, and what was said: ``history`` as speaker and message, oldest first."""

    bot: str
    business: str
    system_prompt: str
    customer_id: UUID | None
    channel_id: UUID
    capabilities: frozenset[str]
    has_tools: bool
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
    }
    with connection.cursor() as cursor:
        cursor.execute(BRIEF, values)
        row: Any = dict(zip((column.name for column in cursor.description), cursor.fetchone(), strict=True))
    history = tuple(_fitting(json.loads(row.pop("history"))))
    return Brief(**{**row, "capabilities": frozenset(row["capabilities"]), "history": history})


def _fitting(newest_first: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the newest messages that fit into the window, oldest first."""
    kept, length = [], 0
    for speaker, message in newest_first:
        length += len(message)
        if length > HISTORY_LENGTH:
            break
        kept.append((speaker, message))
    return kept[::-1]
