"""The one trigger of the audit, and the migration operation that hangs it on a table."""

import json
from collections.abc import Mapping, Sequence

from django.db.migrations import RunSQL

REDACTED = "[redacted]"
"""What an entry shows in place of a secret: that it was set or changed, never what it is."""

FUNCTION = """
-- Arguments: the kind of the rows ("catalog.offering"), {"column": "[redacted]"} for secrets, columns passed over; and
-- where only some rows are audited {"column": value} of those, and where it is not tenant_id the tenant's column.
CREATE OR REPLACE FUNCTION tenants_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    kind constant text := TG_ARGV[0];
    secrets constant jsonb := TG_ARGV[1]::jsonb;
    noise constant text[] := TG_ARGV[2]::text[];
    only_rows constant jsonb := coalesce(TG_ARGV[3], '{}')::jsonb;
    owner constant text := coalesce(TG_ARGV[4], 'tenant_id');
    actor constant text[] := string_to_array(nullif(current_setting('backroom.actor', true), ''), ':');
    actor_kind constant text := coalesce(actor[1], 'system');
    actor_id constant uuid := nullif(actor[2], '')::uuid;
    request_id constant uuid := nullif(actor[3], '')::uuid;
    -- Inside a tenant's scope row security lets only its own rows be written; without one the row itself says whose it is.
    tenant constant uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    platform constant uuid := '00000000-0000-7000-8000-000000000000';
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tenants_auditentry
            (tenant_id, verb, subject_kind, subject_id, actor_kind, actor_id, request_id, after)
        SELECT coalesce(tenant, (new_row ->> owner)::uuid, platform), 'insert', kind, id,
               actor_kind, actor_id, request_id, (new_row - noise) || secrets
        FROM (SELECT id, to_jsonb(n) AS new_row FROM new_rows n OFFSET 0) AS rows
        WHERE new_row @> only_rows;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tenants_auditentry
            (tenant_id, verb, subject_kind, subject_id, actor_kind, actor_id, request_id, before)
        SELECT coalesce(tenant, (old_row ->> owner)::uuid, platform), 'delete', kind, id,
               actor_kind, actor_id, request_id, (old_row - noise) || secrets
        FROM (SELECT id, to_jsonb(o) AS old_row FROM old_rows o OFFSET 0) AS rows
        WHERE old_row @> only_rows;
    ELSE
        INSERT INTO tenants_auditentry
            (tenant_id, verb, subject_kind, subject_id, actor_kind, actor_id, request_id, before, after)
        SELECT coalesce(tenant, (new_row ->> owner)::uuid, platform), 'update', kind, id,
               actor_kind, actor_id, request_id, changed.before, changed.after
        -- A full join is never a nested loop, which a plan made for one row would be for the next 100,000 as well.
        FROM (SELECT n.id, to_jsonb(o) AS old_row, to_jsonb(n) AS new_row
              FROM old_rows o FULL JOIN new_rows n ON o.id = n.id OFFSET 0) AS rows
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(key, coalesce(secrets -> key, old_row -> key)) AS before,
                   jsonb_object_agg(key, coalesce(secrets -> key, value)) AS after
            FROM jsonb_each(new_row) WHERE value IS DISTINCT FROM old_row -> key AND key <> ALL (noise)
        ) AS changed
        WHERE changed.after IS NOT NULL AND new_row @> only_rows;
    END IF;
    RETURN NULL;
END $$;
"""

DIGEST = """
-- What the chain holds of an entry: every column but those of the chain itself.
CREATE FUNCTION tenants_audit_digest(e tenants_auditentry) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(jsonb_build_array(
    e.id, e.tenant_id, extract(epoch FROM e.created_at), e.verb, e.subject_kind, e.subject_id,
    e.actor_kind, e.actor_id, e.request_id, e.before, e.after)::text, 'UTF8'));
"""

# Entries are sealed, which writes two columns, and otherwise stay as they were written.
APPEND_ONLY = """
REVOKE UPDATE, DELETE ON tenants_auditentry, tenants_auditseal FROM backroom_app, backroom_platform;
GRANT UPDATE (position, hash) ON tenants_auditentry TO backroom_app;
"""


ERASURE = """
-- What an entry's values become when those are erased that are like a pattern, and those of some columns.
CREATE FUNCTION tenants_audit_erased(held jsonb, patterns text[], columns text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_typeof(held) = 'object' THEN (
    SELECT coalesce(jsonb_object_agg(key, CASE
        WHEN value <> 'null' AND (key = ANY (columns) OR value::text ILIKE ANY (patterns)) THEN to_jsonb('[erased]'::text)
        ELSE value END), '{}')
    FROM jsonb_each(held)) ELSE held END;

-- Values may go, none may come or change, and what the entry was before stays in the chain by its digest.
CREATE FUNCTION tenants_audit_erase_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.erased_digest IS DISTINCT FROM coalesce(OLD.erased_digest, tenants_audit_digest(OLD)) OR EXISTS (
        SELECT FROM (VALUES (OLD.before, NEW.before), (OLD.after, NEW.after)) AS held(was, becomes)
        WHERE jsonb_typeof(was) IS DISTINCT FROM jsonb_typeof(becomes) OR EXISTS (
            SELECT FROM jsonb_each(was) AS w FULL JOIN jsonb_each(becomes) AS b ON b.key = w.key
            WHERE w.key IS NULL OR b.key IS NULL
                OR b.value <> w.value AND b.value <> to_jsonb('[erased]'::text))
    ) THEN
        RAISE EXCEPTION 'an entry of the audit stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER erase_guard BEFORE UPDATE OF before, after, erased_digest ON tenants_auditentry FOR EACH ROW
EXECUTE FUNCTION tenants_audit_erase_guard();
GRANT UPDATE (before, after, erased_digest) ON tenants_auditentry TO backroom_app;
"""

NO_ERASURE = """
REVOKE UPDATE (before, after, erased_digest) ON tenants_auditentry FROM backroom_app;
DROP FUNCTION tenants_audit_erase_guard CASCADE;
DROP FUNCTION tenants_audit_erased;
"""

FORGET = """
-- Runs as the owner of the tables, whom row security binds as well: only a tenant's own entries, and only when it is not
-- there any more.
CREATE FUNCTION tenants_audit_forget(which text, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tenant constant uuid := nullif(current_setting('backroom.tenant', true), '')::uuid;
    gone bigint;
BEGIN
    IF tenant IS NULL OR EXISTS (SELECT FROM public.tenants_tenant WHERE id = tenant) THEN
        RAISE EXCEPTION 'the audit outlives its rows, but not its tenant' USING ERRCODE = 'check_violation';
    END IF;
    IF which = 'tenants_auditseal' THEN
        DELETE FROM public.tenants_auditseal WHERE tenant_id = tenant AND id IN (
            SELECT id FROM public.tenants_auditseal WHERE tenant_id = tenant LIMIT most);
    ELSE
        DELETE FROM public.tenants_auditentry WHERE tenant_id = tenant AND id IN (
            SELECT id FROM public.tenants_auditentry WHERE tenant_id = tenant LIMIT most);
    END IF;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$;
REVOKE EXECUTE ON FUNCTION tenants_audit_forget FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_audit_forget TO backroom_app;
"""

SEALED = """
-- A seal tells where the chain ends: one that tells of no entry would cut all that follows off.
CREATE FUNCTION tenants_audit_seal_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM tenants_auditentry
                   WHERE tenant_id = NEW.tenant_id AND position = NEW.last_position AND hash = NEW.hash) THEN
        RAISE EXCEPTION 'a seal follows its entry' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER seal_guard BEFORE INSERT ON tenants_auditseal FOR EACH ROW EXECUTE FUNCTION tenants_audit_seal_guard();
"""


def audit(
    kind: str,
    *,
    redact: Sequence[str] = (),
    ignore: Sequence[str] = (),
    only: Mapping[str, str] | None = None,
    tenant: str = "tenant_id",
) -> RunSQL:
    """Return the operation that audits the table of ``kind`` (``catalog.offering``).

    ``redact`` names columns whose values are secret, ``ignore`` those whose change alone is not worth an entry.
    ``only`` names values that rows must have to be audited, ``tenant`` the column that says whose a row is.
    """
    table = kind.replace(".", "_")
    secrets = json.dumps(dict.fromkeys(redact, REDACTED))
    noise = "{" + ",".join((*ignore, "created_at", "updated_at")) + "}"
    arguments = f"'{kind}', '{secrets}', '{noise}', '{json.dumps(only or {})}', '{tenant}'"
    call = f"FOR EACH STATEMENT EXECUTE FUNCTION tenants_audit({arguments})"
    old, new = "OLD TABLE AS old_rows", "NEW TABLE AS new_rows"
    events = {"insert": new, "update": f"{old} {new}", "delete": old}
    create = (
        f"CREATE TRIGGER audit_{event} AFTER {event.upper()} ON {table} REFERENCING {rows} {call}"
        for event, rows in events.items()
    )
    return RunSQL("; ".join(create), "; ".join(f"DROP TRIGGER audit_{event} ON {table}" for event in events))
