"""The journal's function, its digest and the triggers that make it append-only."""

from django.db import migrations

SQL = r"""
CREATE FUNCTION audit_entry_digest(j audit_journal) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(
        j.previous_hash, j.stream, j.position,
        to_char(j.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        to_char(j.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
        j.act, j.actor_user_id, j.actor_person_id, j.actor_organisation_id, j.actor_name, j.via,
        j.subject_type, j.subject_id, j.facts, j.reason, j.clause, j.idempotency_key, j.request_digest, j.result
    )::text, 'UTF8')), 'hex')
$$;

-- The head of a busy stream changes with each entry: room for its next version on the same page.
ALTER TABLE audit_stream SET (fillfactor = 50);

CREATE FUNCTION terrace_journal(
    p_stream text, p_at timestamptz, p_act text, p_user bigint, p_person bigint, p_organisation bigint,
    p_name text, p_via text, p_subject_type text, p_subject_id text, p_facts jsonb, p_reason text,
    p_clause text, p_key text, p_digest text, p_result jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    head audit_stream;
    entry audit_journal;
BEGIN
    SELECT * INTO head FROM audit_stream WHERE stream = p_stream FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_stream (stream, position, last_hash) VALUES (p_stream, 0, repeat('0', 64))
            ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM audit_stream WHERE stream = p_stream FOR UPDATE;
    END IF;
    entry := ROW(
        nextval('audit_journal_id_seq'), p_stream, head.position + 1, p_at, clock_timestamp(), p_act, p_user, p_person,
        p_organisation, p_name, p_via, p_subject_type, p_subject_id, p_facts, p_reason, p_clause, p_key, p_digest,
        p_result, head.last_hash, '');
    entry.entry_hash := audit_entry_digest(entry);
    INSERT INTO audit_journal SELECT entry.*;
    UPDATE audit_stream SET position = entry.position, last_hash = entry.entry_hash WHERE stream = p_stream;
    RETURN entry.id;
END $$;

CREATE FUNCTION terrace_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_journal
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_journal
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
"""

REVERSE = """
DROP TRIGGER append_only ON audit_journal;
DROP TRIGGER append_only_truncate ON audit_journal;
DROP FUNCTION terrace_refuse_change();
DROP FUNCTION terrace_journal(text, timestamptz, text, bigint, bigint, bigint, text, text, text, text, jsonb, text, text, text, text, jsonb);
DROP FUNCTION audit_entry_digest(audit_journal);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
