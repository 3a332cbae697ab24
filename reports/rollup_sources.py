"""What daily figures are counted from: for each kind of rows, which days new ones touch, and the figures of its days.

Both are SQL texts. ``touched`` answers the instants of the rows that were written since the id ``from_id`` (UUIDv7: ids are
in order of time). ``counted`` answers day, bot, metric, currency and value of the rows whose
``created_at`` lies between ``since`` and ``until``; ``from_id`` is before the id of any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reports.models import Metric


@dataclass(frozen=True)
class Source:
    """One kind of rows, and the metrics that are counted from it."""

    metrics: Sequence[Metric]
    touched: str
    counted: str


CONVERSATIONS = Source(
    (Metric.SESSIONS, Metric.CONTAINED),
    # A conversation that a person is asked into is contained no more, whatever day it is of.
    touched="""SELECT created_at AS at FROM runtime_session WHERE tenant_id = %(tenant)s AND id >= %(from_id)s UNION ALL
        SELECT s.created_at FROM runtime_escalation e
        JOIN runtime_session s ON s.tenant_id = %(tenant)s AND s.id = e.session_id
        WHERE e.tenant_id = %(tenant)s AND e.id >= %(from_id)s""",
    counted="""
        SELECT day, bot_id, m.* FROM (
            SELECT (s.created_at AT TIME ZONE %(zone)s)::date AS day, s.bot_id, count(*) AS begun,
                   count(*) FILTER (WHERE s.id NOT IN (
                       SELECT e.session_id FROM runtime_escalation e WHERE e.tenant_id = %(tenant)s AND e.id >= %(from_id)s
                   )) AS alone
            FROM runtime_session s
            WHERE s.tenant_id = %(tenant)s AND s.id >= %(from_id)s
              AND s.created_at >= %(since)s AND s.created_at < %(until)s
            GROUP BY 1, 2
        ) AS days, LATERAL (VALUES ('sessions', '', begun::numeric), ('contained', '', alone)) AS m (metric, currency, value)
    """,
)

HAND_OVERS = Source(
    (Metric.HANDED_OVER,),
    touched="SELECT created_at AS at FROM runtime_escalation WHERE tenant_id = %(tenant)s AND id >= %(from_id)s",
    counted="""
        SELECT (e.created_at AT TIME ZONE %(zone)s)::date AS day, s.bot_id, 'handed_over' AS metric, '' AS currency,
               count(*)::numeric AS value
        FROM runtime_escalation e JOIN runtime_session s ON s.tenant_id = %(tenant)s AND s.id = e.session_id
        WHERE e.tenant_id = %(tenant)s AND e.id >= %(from_id)s
          AND e.created_at >= %(since)s AND e.created_at < %(until)s
        GROUP BY 1, 2
    """,
)

DECISIONS = Source(
    (Metric.ANSWERED, Metric.UNANSWERED, Metric.ANSWER_MS),
    touched="SELECT created_at AS at FROM runtime_decisionevent WHERE tenant_id = %(tenant)s AND id >= %(from_id)s",
    counted="""
        SELECT day, v.bot_id, m.* FROM (
            SELECT (d.created_at AT TIME ZONE %(zone)s)::date AS day, d.bot_version_id,
                   count(*) FILTER (WHERE d.tier <> 'handoff') AS known,
                   count(*) FILTER (WHERE d.tier = 'handoff') AS unknown, sum(d.latency_ms) AS ms
            FROM runtime_decisionevent d
            WHERE d.tenant_id = %(tenant)s AND d.id >= %(from_id)s
              AND d.created_at >= %(since)s AND d.created_at < %(until)s
              AND d.event_type = 'tier_selection' AND d.tier = ANY (%(tiers)s)
            GROUP BY 1, 2
        ) AS days JOIN bots_botversion v ON v.tenant_id = %(tenant)s AND v.id = days.bot_version_id, LATERAL (
            VALUES ('answered', '', known::numeric), ('unanswered', '', unknown), ('answer_ms', '', ms)
        ) AS m (metric, currency, value)
    """,
)

CALLS = Source(
    (Metric.MODEL_CALLS, Metric.COST),
    touched="SELECT created_at AS at FROM vault_usageentry WHERE tenant_id = %(tenant)s AND id >= %(from_id)s",
    counted="""
        SELECT day, bot_id, m.* FROM (
            SELECT (u.created_at AT TIME ZONE %(zone)s)::date AS day, u.bot_id, u.currency,
                   count(*) AS calls, sum(u.amount) AS cost
            FROM vault_usageentry u
            WHERE u.tenant_id = %(tenant)s AND u.created_at >= %(since)s AND u.created_at < %(until)s
              AND u.state IN ('settled', 'failed')
            GROUP BY 1, 2, 3
        ) AS days, LATERAL (
            VALUES ('model_calls', '', calls::numeric), ('cost', days.currency, CASE days.currency WHEN '' THEN 0 ELSE cost END)
        ) AS m (metric, currency, value)
    """,
)

ORDERS = Source(
    (Metric.ORDERS, Metric.ORDERS_CANCELLED, Metric.ORDER_VALUE),
    # Whatever happens to an order later stands in its timeline.
    touched="""SELECT created_at AS at FROM catalog_order WHERE tenant_id = %(tenant)s AND id >= %(from_id)s UNION ALL
        SELECT o.created_at FROM catalog_orderentry n
        JOIN catalog_order o ON o.tenant_id = %(tenant)s AND o.id = n.order_id
        WHERE n.tenant_id = %(tenant)s AND n.id >= %(from_id)s""",
    counted="""
        SELECT day, bot_id, m.* FROM (
            SELECT (o.created_at AT TIME ZONE %(zone)s)::date AS day, o.bot_id, o.currency, count(*) AS placed,
                   count(*) FILTER (WHERE o.status = 'cancelled') AS cancelled,
                   sum(o.total - o.refunded) FILTER (WHERE o.status <> 'cancelled') AS worth
            FROM catalog_order o
            WHERE o.tenant_id = %(tenant)s AND o.id >= %(from_id)s
              AND o.created_at >= %(since)s AND o.created_at < %(until)s
            GROUP BY 1, 2, 3
        ) AS days, LATERAL (
            VALUES ('orders', '', placed::numeric), ('orders_cancelled', '', cancelled), ('order_value', days.currency, worth)
        ) AS m (metric, currency, value)
    """,
)

STOCK = Source(
    (Metric.STOCK_IN, Metric.STOCK_OUT),
    touched="SELECT created_at AS at FROM catalog_stockmovement WHERE tenant_id = %(tenant)s AND id >= %(from_id)s",
    counted="""
        SELECT day, NULL::uuid AS bot_id, m.* FROM (
            SELECT (k.created_at AT TIME ZONE %(zone)s)::date AS day,
                   sum(k.quantity) FILTER (WHERE k.quantity > 0) AS arrived,
                   -sum(k.quantity) FILTER (WHERE k.quantity < 0) AS gone
            FROM catalog_stockmovement k
            WHERE k.tenant_id = %(tenant)s AND k.id >= %(from_id)s
              AND k.created_at >= %(since)s AND k.created_at < %(until)s AND k.reason <> 'transfer'
            GROUP BY 1
        ) AS days, LATERAL (VALUES ('stock_in', '', arrived::numeric), ('stock_out', '', gone)) AS m (metric, currency, value)
    """,
)

GAPS = Source(
    (Metric.KNOWLEDGE_GAPS,),
    touched="SELECT created_at AS at FROM runtime_knowledgegap WHERE tenant_id = %(tenant)s AND id >= %(from_id)s",
    counted="""
        SELECT (g.created_at AT TIME ZONE %(zone)s)::date AS day, g.bot_id, 'knowledge_gaps' AS metric, '' AS currency,
               count(*)::numeric AS value
        FROM runtime_knowledgegap g
        WHERE g.tenant_id = %(tenant)s AND g.created_at >= %(since)s AND g.created_at < %(until)s
        GROUP BY 1, 2
    """,
)

MAILS = Source(
    (Metric.MAILS_FAILED,),
    # They fail, come back or turn out to be unclear after they were handed in, and no row tells it: so those of a week, of
    # which there are few, are counted each time, and a day is touched that has more of them than is kept.
    touched="""SELECT (day + time '12:00') AT TIME ZONE %(zone)s AS at FROM (
            SELECT (d.created_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS value FROM reports_emaildelivery d
            WHERE d.tenant_id = %(tenant)s AND d.state IN ('failed', 'unknown')
              AND d.created_at >= %(since)s::timestamptz - interval '7 days'
            GROUP BY 1
        ) AS found WHERE value > coalesce((
            SELECT k.value FROM reports_dailymetric k
            WHERE k.tenant_id = %(tenant)s AND k.day = found.day AND k.metric = 'mails_failed'
        ), 0)""",
    counted="""
        SELECT (d.created_at AT TIME ZONE %(zone)s)::date AS day, NULL::uuid AS bot_id, 'mails_failed' AS metric,
               '' AS currency, count(*)::numeric AS value
        FROM reports_emaildelivery d
        WHERE d.tenant_id = %(tenant)s AND d.state IN ('failed', 'unknown')
          AND d.created_at >= %(since)s AND d.created_at < %(until)s
        GROUP BY 1
    """,
)

SOURCES = (CONVERSATIONS, HAND_OVERS, DECISIONS, CALLS, ORDERS, STOCK, GAPS, MAILS)
