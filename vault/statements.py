"""The SQL texts of the budgets: reserving and settling are each one message to the database and commit by themselves.

Both lock the counters they change in the order of their ids, so that calls under several budgets never wait for each
other in a circle. A row that another call changed meanwhile is read again once it is locked (READ COMMITTED), so what is
compared with the limit is what stands there now.

Budgets and counters are made while no call of the tenant is being reserved: a call either stands in the ledger before the
counter is made from it, or finds the counter. The lock is a statement of its own in the same message, because a statement
sees what was committed before it began, not before it got its lock.
"""

RESERVE = """
SELECT pg_advisory_xact_lock_shared(hashtextextended('vault.budget ' || %(tenant)s::text, 0));
WITH price AS (
    SELECT p.id, p.currency, p.input_price, p.cached_input_price, p.output_price, p.reasoning_price,
           (%(input_tokens)s * greatest(p.input_price, p.cached_input_price)
            + %(output_tokens)s * greatest(p.output_price, p.reasoning_price)) * 0.000001 AS amount
    FROM vault_modelprice p
    WHERE p.provider = %(provider)s AND p.model = %(model)s AND p.valid_from <= now()
    ORDER BY p.valid_from DESC LIMIT 1
), budget AS (
    SELECT b.id, b.is_active, b.limit_amount, b.currency,
           budget_period_start(b.period, b.created_at, now(), t.time_zone) AS starts_at
    FROM vault_budget b JOIN tenants_tenant t ON t.id = b.tenant_id
    WHERE b.tenant_id = %(tenant)s AND (b.bot_id IS NULL OR b.bot_id = %(bot)s)
), counter AS (
    SELECT c.id, c.spent + c.reserved AS taken, b.id AS budget_id, b.is_active, b.limit_amount
    FROM budget b
    JOIN price ON price.currency = b.currency
    JOIN vault_budgetperiod c ON c.tenant_id = %(tenant)s AND c.budget_id = b.id AND c.starts_at = b.starts_at
    ORDER BY c.id FOR UPDATE OF c
), exceeded AS (
    SELECT counter.budget_id, counter.limit_amount, counter.taken FROM counter, price
    WHERE counter.is_active AND counter.taken + price.amount > counter.limit_amount
    ORDER BY counter.limit_amount - counter.taken LIMIT 1
), verdict AS (
    SELECT NOT EXISTS (SELECT FROM tenants_tenant WHERE id = %(tenant)s AND status = 'active') AS is_suspended,
           (SELECT count(*) FROM budget JOIN price USING (currency)) > (SELECT count(*) FROM counter) AS is_uncounted,
           EXISTS (SELECT FROM budget LEFT JOIN price USING (currency) WHERE is_active AND price.id IS NULL) AS is_unpriced,
           EXISTS (SELECT FROM exceeded) AS is_exceeded
), entry AS (
    INSERT INTO vault_usageentry (tenant_id, key, kind, provider, model, bot_id, subject_kind, subject_id, credential_id,
        actor_kind, actor_id, price_id, currency, reserved_amount, period_ids, lease_until)
    SELECT %(tenant)s, %(key)s, %(kind)s, %(provider)s, %(model)s, %(bot)s, %(subject_kind)s, %(subject_id)s,
        %(credential)s, %(actor_kind)s, %(actor_id)s, price.id, coalesce(price.currency, ''), coalesce(price.amount, 0),
        ARRAY(SELECT id FROM counter), now() + %(lease)s
    FROM verdict LEFT JOIN price ON true
    WHERE NOT is_suspended AND NOT is_uncounted AND NOT is_unpriced AND NOT is_exceeded
    ON CONFLICT (tenant_id, key) DO NOTHING
    RETURNING id, reserved_amount
), counted AS (
    UPDATE vault_budgetperiod c SET reserved = c.reserved + entry.reserved_amount
    FROM entry, counter WHERE c.tenant_id = %(tenant)s AND c.id = counter.id
)
SELECT entry.id, entry.reserved_amount, price.currency, price.input_price, price.cached_input_price, price.output_price,
       price.reasoning_price, verdict.*, exceeded.budget_id, exceeded.limit_amount, exceeded.taken,
       earlier.state AS earlier_state
FROM verdict
LEFT JOIN entry ON true
LEFT JOIN price ON true
LEFT JOIN exceeded ON true
LEFT JOIN vault_usageentry earlier ON earlier.tenant_id = %(tenant)s AND earlier.key = %(key)s
"""
"""Holds the most a call can cost in every budget that applies, or in none of them, and notes the call under its key.
A budget whose period has no counter yet is ``is_uncounted``: nothing happens until ``OPEN`` has made it."""

LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('vault.budget ' || %(tenant)s::text, 0))
"""
"""Waits for the tenant's reserving, and holds off any more of it until the transaction ends."""

OPEN = """
SELECT pg_advisory_xact_lock(hashtextextended('vault.budget ' || %(tenant)s::text, 0));
WITH budget AS (
    SELECT b.id, b.bot_id, b.currency, b.period, b.created_at, t.time_zone,
           budget_period_start(b.period, b.created_at, now(), t.time_zone) AS starts_at
    FROM vault_budget b JOIN tenants_tenant t ON t.id = b.tenant_id WHERE b.tenant_id = %(tenant)s
), misplaced AS (
    SELECT c.id FROM budget b JOIN vault_budgetperiod c ON c.tenant_id = %(tenant)s AND c.budget_id = b.id
    WHERE budget_period_start(b.period, b.created_at, c.starts_at, b.time_zone) <> c.starts_at
    ORDER BY c.id FOR UPDATE OF c
), forgotten AS (
    DELETE FROM vault_budgetperiod c USING misplaced WHERE c.tenant_id = %(tenant)s AND c.id = misplaced.id
)
INSERT INTO vault_budgetperiod (tenant_id, budget_id, starts_at, spent)
SELECT %(tenant)s, b.id, b.starts_at, coalesce(
    (SELECT sum(coalesce(e.amount, e.reserved_amount)) FROM vault_usageentry e
     WHERE e.tenant_id = %(tenant)s AND e.created_at >= b.starts_at AND e.currency = b.currency
       AND (b.bot_id IS NULL OR e.bot_id = b.bot_id)), 0)
FROM budget b
ON CONFLICT (tenant_id, budget_id, starts_at) DO NOTHING
"""
"""Makes the counters of the periods that run now. What the ledger holds since a period began counts already; of a call
that is under way only the most it can cost is known, and that stays. Counters that begin at no midnight of the tenant's
clock are of a time zone it had before: they stopped counting when it changed, and must not be found again if it comes back."""

SETTLE = """
WITH entry AS (
    SELECT e.id, e.reserved_amount, e.period_ids, coalesce(%(amount)s, e.reserved_amount) AS amount
    FROM vault_usageentry e
    WHERE e.tenant_id = %(tenant)s AND e.id = %(id)s AND e.state = 'reserved' FOR UPDATE
), counter AS (
    SELECT c.id FROM entry
    JOIN vault_budgetperiod c ON c.tenant_id = %(tenant)s AND c.id = ANY (entry.period_ids)
    ORDER BY c.id FOR UPDATE OF c
), counted AS (
    UPDATE vault_budgetperiod c SET reserved = c.reserved - entry.reserved_amount, spent = c.spent + entry.amount
    FROM entry, counter WHERE c.tenant_id = %(tenant)s AND c.id = counter.id
    RETURNING c.id, c.budget_id, c.spent, c.noted_percent
), ended AS (
    UPDATE vault_usageentry e SET state = %(state)s, amount = entry.amount, is_estimated = %(is_estimated)s,
        input_tokens = %(input_tokens)s, cached_input_tokens = %(cached_input_tokens)s,
        output_tokens = %(output_tokens)s, reasoning_tokens = %(reasoning_tokens)s, latency_ms = %(latency_ms)s,
        error_kind = %(error_kind)s, lease_until = NULL, settled_at = now()
    FROM entry WHERE e.tenant_id = %(tenant)s AND e.id = entry.id
    RETURNING e.id
)
SELECT counted.id AS period_id, counted.budget_id, counted.spent, counted.noted_percent, b.limit_amount, b.thresholds
FROM ended
JOIN counted ON true
JOIN vault_budget b ON b.tenant_id = %(tenant)s AND b.id = counted.budget_id
"""
"""Puts the true cost in the place of what was reserved, once: a call that has ended already is left as it is."""
