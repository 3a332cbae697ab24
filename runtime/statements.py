"""The SQL texts of a turn: each is one message to the database and commits by itself (DESIGN section 5)."""

from functools import cache

from tenants.postgres.prepared import Prepared

LOAD = Prepared("""
WITH session AS (
    SELECT s.id, s.bot_id, s.bot_version_id, s.owner, s.owner_epoch, s.flow_step, s.turn_number, s.ended_at, s.topic,
           s.last_tier, s.language AS session_language, s.limits_collections, s.limits_tools, c.code AS channel, t.currency, t.locale
    FROM runtime_session s
    JOIN catalog_saleschannel c ON c.tenant_id = s.tenant_id AND c.id = s.channel_id
    JOIN tenants_tenant t ON t.id = s.tenant_id
    WHERE s.tenant_id = %(tenant)s AND s.id = %(session)s
), earlier AS (
    SELECT t.id, t.message, t.ui_metadata FROM runtime_turn t
    WHERE t.tenant_id = %(tenant)s AND t.session_id = %(session)s AND t.id = %(turn)s
    UNION ALL
    SELECT t.id, t.message, t.ui_metadata FROM runtime_turn t
    WHERE t.tenant_id = %(tenant)s AND t.session_id = %(session)s AND t.speaker = 'user' AND t.external_id = %(external_id)s
      AND t.external_id <> '' AND %(turn)s::uuid IS NULL
), taken AS (
    INSERT INTO runtime_turn AS mine
        (tenant_id, session_id, speaker, message, language, external_id, ui_metadata, lease_until)
    SELECT %(tenant)s, session.id, 'user', %(message)s, %(language)s, %(external_id)s, %(ui_event)s::jsonb, %(lease)s
    FROM session WHERE session.ended_at IS NULL AND %(turn)s::uuid IS NULL
    ON CONFLICT (tenant_id, session_id, speaker, external_id) WHERE external_id <> '' DO UPDATE
        SET lease_until = excluded.lease_until
        WHERE mine.lease_until < %(now)s
    RETURNING mine.id, mine.created_at
), told AS (
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT %(tenant)s, 'turn.created', 'runtime.turn', taken.id,
        jsonb_build_object('session', %(session)s::uuid, 'turn', taken.id, 'speaker', 'user')
    FROM taken WHERE NOT EXISTS (SELECT FROM earlier)
)
SELECT session.*, coalesce(taken.id, earlier.id) AS turn_id, coalesce(earlier.message, %(message)s) AS message,
       coalesce(earlier.ui_metadata, %(ui_event)s::jsonb) AS ui_metadata,
       EXISTS (SELECT FROM bots_intent i WHERE i.tenant_id = %(tenant)s AND i.is_active) AS knows_intents,
       EXISTS (SELECT FROM catalog_searchtext x WHERE x.tenant_id = %(tenant)s AND x.kind = 'document') AS has_documents,
       taken.id IS NOT NULL AS is_mine, decision.tier IS NOT NULL AS is_decided,
       EXISTS (SELECT FROM (SELECT t.id, t.speaker, t.lease_until FROM runtime_turn t
                            WHERE t.tenant_id = %(tenant)s AND t.session_id = %(session)s
                            ORDER BY t.id DESC LIMIT 20) AS newest
               WHERE newest.speaker = 'user' AND newest.lease_until > %(now)s AND newest.id IS DISTINCT FROM earlier.id
                 AND NOT EXISTS (SELECT FROM runtime_decisionevent d WHERE d.tenant_id = %(tenant)s
                                 AND d.input_turn_id = newest.id AND d.event_type = 'tier_selection')) AS is_behind,
       coalesce((SELECT jsonb_object_agg(k.slot_key, k.slot_value) FROM runtime_contextslot k
                 WHERE k.tenant_id = %(tenant)s AND k.session_id = %(session)s
                   AND (k.expires_at IS NULL OR k.expires_at > %(now)s)), '{}') AS slots,
       EXISTS (SELECT FROM vault_credential v WHERE v.tenant_id = %(tenant)s
               AND v.provider = 'openai' AND v.kind IN ('api_key', 'custom') AND v.is_active) AS has_model,
       (SELECT ARRAY[coalesce(h.by_hand, h.faq), coalesce(h.by_hand, h.document), h.intent] FROM bots_answerthreshold h
        WHERE h.tenant_id = %(tenant)s AND h.bot_id = session.bot_id) AS thresholds,
       (SELECT v.flow_config -> 'steps' FROM bots_botversion v
        WHERE v.tenant_id = %(tenant)s AND v.id = session.bot_version_id)::text AS steps,
       (SELECT json_agg(json_build_array(g.id, g.code, g.name, g.violation_action, g.condition_expression,
                                         g.fallback_message, g.fallback_messages) ORDER BY g.priority DESC, g.code)
        FROM bots_guardrail g
        WHERE g.tenant_id = %(tenant)s AND g.is_active
          AND (g.bot_id IS NULL OR g.bot_id = session.bot_id))::text AS rules
FROM session
LEFT JOIN taken ON true
LEFT JOIN earlier ON true
LEFT JOIN runtime_decisionevent decision
    ON decision.tenant_id = %(tenant)s AND decision.input_turn_id = earlier.id AND decision.event_type = 'tier_selection'
""")
"""Stores the customer's turn and reads what deciding needs. A message sent twice is stored once: the second time it
comes back as decided, or is taken over, in its first words, when the lease of whoever decided it has run out."""

EARLIER = """
SELECT 1 AS found FROM runtime_turn t
WHERE t.tenant_id = %(tenant)s AND t.session_id = %(session)s AND t.id < %(turn)s
  AND t.speaker = 'user' AND t.lease_until > %(now)s
  AND NOT EXISTS (SELECT FROM runtime_decisionevent d WHERE d.tenant_id = t.tenant_id AND d.input_turn_id = t.id
                  AND d.event_type = 'tier_selection')
LIMIT 1
"""
"""Finds a message of the conversation that came before this one (the ids grow with time) and is being answered."""

RELEASE = """
UPDATE runtime_turn SET lease_until = %(now)s WHERE tenant_id = %(tenant)s AND id = %(turn)s
"""
"""Gives a turn up that could not be decided: the same message may be sent again at once."""

_RECORD = """
WITH advanced AS (
    UPDATE runtime_session SET turn_number = turn_number + 1, state_updated_at = %(now)s,
        flow_step = coalesce(%(flow_step)s, flow_step),
        step_since = CASE WHEN %(flow_step)s::text IS NULL THEN step_since ELSE %(now)s END,
        last_tier = %(tier)s, topic = coalesce(%(topic)s, topic), language = coalesce(nullif(%(language)s, ''), language)
    WHERE tenant_id = %(tenant)s AND id = %(session)s
      AND turn_number = %(turn_number)s AND owner = %(owner)s AND owner_epoch = %(owner_epoch)s AND ended_at IS NULL
      AND flow_step = coalesce(%(flow_step_before)s, flow_step)
    RETURNING turn_number
), reply AS (
    INSERT INTO runtime_turn (tenant_id, session_id, in_reply_to_id, speaker, message, language, ui_metadata)
    SELECT %(tenant)s, %(session)s, %(turn)s, 'assistant', %(reply)s, %(language)s, %(ui_metadata)s::jsonb
    FROM advanced WHERE %(reply)s::text IS NOT NULL
    RETURNING id, created_at
), told AS (
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT %(tenant)s, 'turn.created', 'runtime.turn', reply.id,
        jsonb_build_object('session', %(session)s::uuid, 'turn', reply.id, 'speaker', 'assistant', 'tier', %(tier)s::text)
    FROM reply
), slots AS (
    INSERT INTO runtime_contextslot
        (tenant_id, session_id, slot_key, slot_value, confidence, extracted_from_turn_id, expires_at, updated_at)
    SELECT %(tenant)s, %(session)s, given.key, given.value, given.confidence, %(turn)s, given.expires_at, %(now)s
    FROM advanced,
        jsonb_to_recordset(%(slots)s::jsonb) AS given(key text, value text, confidence numeric, expires_at timestamptz)
    ON CONFLICT (tenant_id, session_id, slot_key) DO UPDATE SET slot_value = excluded.slot_value,
        confidence = excluded.confidence, extracted_from_turn_id = excluded.extracted_from_turn_id,
        expires_at = excluded.expires_at, updated_at = excluded.updated_at
), understood AS (
    UPDATE runtime_turn AS said SET intent = %(intent)s FROM advanced
    WHERE said.tenant_id = %(tenant)s AND said.id = %(turn)s AND %(intent)s <> ''
), decision AS (
    INSERT INTO runtime_decisionevent (tenant_id, session_id, input_turn_id, bot_version_id, event_type, tier,
        confidence, sources, decision_metadata, estimated_cost_usd, latency_ms)
    SELECT %(tenant)s, %(session)s, %(turn)s, %(bot_version)s, 'tier_selection', %(tier)s,
        %(confidence)s, %(sources)s::jsonb, %(details)s::jsonb, %(cost)s, %(latency_ms)s
    FROM advanced
), actions AS (
    INSERT INTO runtime_actionexecution (tenant_id, session_id, turn_id, action_type, action_name, input_params,
        output_result, execution_time_ms, status)
    SELECT %(tenant)s, %(session)s, %(turn)s, 'tool_call', given.name, given.input, given.output, given.ms, 'success'
    FROM advanced, jsonb_to_recordset(%(actions)s::jsonb) AS given(name text, input jsonb, output jsonb, ms int)
)"""

_ASK_FOR_PERSON = """, asked AS (
    INSERT INTO runtime_escalation (tenant_id, session_id, turn_id, reason, origin)
    SELECT %(tenant)s, %(session)s, %(turn)s, %(handover_reason)s, %(handover_origin)s FROM advanced
    ON CONFLICT (tenant_id, session_id) WHERE NOT state = 'resolved' DO NOTHING
    RETURNING id
), told_of_asking AS (
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT %(tenant)s, 'escalation.opened', 'runtime.escalation', asked.id,
        jsonb_build_object('session', %(session)s::uuid, 'origin', %(handover_origin)s::text)
    FROM asked
)"""

NEAREST_GAP = """
SELECT k.question_key FROM runtime_knowledgegap AS k, LATERAL (
    SELECT count(*) FILTER (WHERE one.word = ANY (%(question_words)s::text[]))::float AS common, count(*) AS own
    FROM unnest(string_to_array(k.question_key, ' ')) AS one(word)
) AS n
WHERE k.tenant_id = %(tenant)s AND k.bot_id = %(bot)s AND string_to_array(k.question_key, ' ') && %(question_words)s::text[]
    AND n.common >= %(alike)s * (n.own + cardinality(%(question_words)s::text[]) - n.common)
ORDER BY n.common / (n.own + cardinality(%(question_words)s::text[]) - n.common) DESC, k.id LIMIT 1
"""
"""The key of the known gap that a question says nearly the same as: most of the words of both together stand in both."""

_COUNT_GAP = f""", gap AS (
    INSERT INTO runtime_knowledgegap AS known
        (tenant_id, bot_id, question_key, question, language, reason, turn_id, last_asked_at)
    SELECT %(tenant)s, %(bot)s, coalesce(({NEAREST_GAP}), %(question_key)s), %(question)s, %(language)s, 'unanswered',
        %(turn)s, %(now)s
    FROM advanced
    ON CONFLICT (tenant_id, bot_id, question_key) DO UPDATE SET times_asked = known.times_asked + 1,
        question = excluded.question, language = excluded.language, reason = excluded.reason,
        turn_id = excluded.turn_id, last_asked_at = excluded.last_asked_at,
        state = CASE known.state WHEN 'answered' THEN 'open' ELSE known.state END
)"""  # noqa: S608 - our own SQL

_MOVE = """, moved AS (
    INSERT INTO runtime_decisionevent (tenant_id, session_id, input_turn_id, bot_version_id, event_type, tier, decision_metadata)
    SELECT %(tenant)s, %(session)s, %(turn)s, %(bot_version)s, 'flow_step', '', jsonb_build_object(
        'from', %(flow_step_before)s::text, 'to', %(flow_step)s::text, 'by', 'turn') FROM advanced
), told_of_move AS (
    INSERT INTO tenants_event (tenant_id, kind, subject_kind, subject_id, data)
    SELECT %(tenant)s, 'session.moved', 'runtime.session', %(session)s::uuid, jsonb_build_object('session', %(session)s::uuid,
        'from', %(flow_step_before)s::text, 'to', %(flow_step)s::text, 'by', 'turn') FROM advanced
)"""

_RECORDED = """
SELECT advanced.turn_number, reply.id, reply.created_at FROM advanced LEFT JOIN reply ON true
"""
"""Stores the whole decision, or nothing when another turn of the session was recorded first (no row comes back)."""

_KEEP_MASKED = """, masked AS (
    UPDATE runtime_turn SET message = %(message)s FROM advanced WHERE tenant_id = %(tenant)s AND id = %(turn)s
)"""

RECORD = _RECORD + _RECORDED


@cache
def record_statement(*, hands_over: bool, is_gap: bool, is_masked: bool, moves: bool) -> Prepared:
    """Return ``RECORD`` for a reply that asks for a person or leaves a question open, for a message in which a guardrail
    hid something, and for a turn that leads to another step of the flow, too. Others pay nothing for that.
    """
    more = [(_ASK_FOR_PERSON, hands_over), (_COUNT_GAP, is_gap), (_KEEP_MASKED, is_masked), (_MOVE, moves)]
    return Prepared("".join([_RECORD, *(sql for sql, is_wanted in more if is_wanted), _RECORDED]))
