"""The view of entries, append-only and written-by-function-only triggers, and the settings of the hot tables."""

from django.db import migrations

# Every write below asks for terrace.ledger_writes = on, which the functions of 0003 set for themselves while
# they run. The setting catches mistakes; against intent stand the grants and the hash chains (ADR 0004).
SQL = r"""
CREATE SEQUENCE ledger_entry_number;
ALTER TABLE ledger_account ADD CONSTRAINT ledger_account_asset_exists
    FOREIGN KEY (asset_id) REFERENCES ledger_asset (id);

CREATE VIEW ledger_entry AS
    SELECT id, key, code, at, recorded_at, actor_user_id, actor_person_id, actor_organisation_id, reason,
           subject_type, subject_id, transfer_count, request_digest
    FROM ledger_transfer WHERE subject_type IS NOT NULL;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_asset
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger_transfer
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_asset
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();

CREATE FUNCTION ledger_refuse_direct_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('terrace.ledger_writes', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION '% is written by the functions of the ledger only: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- Per statement and without WHEN: PostgreSQL parses a WHEN (and each CHECK) anew for every statement it runs.
CREATE TRIGGER never_deleted BEFORE DELETE ON ledger_account
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER by_function_only BEFORE INSERT OR UPDATE ON ledger_account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_direct_write();
CREATE TRIGGER by_function_only BEFORE INSERT ON ledger_asset
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_direct_write();
CREATE TRIGGER by_function_only BEFORE INSERT ON ledger_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_direct_write();

-- Room on the page keeps balance updates out of the indexes (HOT); dead versions are swept early.
ALTER TABLE ledger_account SET (
    fillfactor = 40, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_analyze_scale_factor = 0.2, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE ledger_transfer SET (autovacuum_vacuum_insert_scale_factor = 0.1);
"""

REVERSE = """
DROP TRIGGER by_function_only ON ledger_transfer;
DROP TRIGGER by_function_only ON ledger_asset;
DROP TRIGGER by_function_only ON ledger_account;
DROP TRIGGER never_deleted ON ledger_account;
DROP FUNCTION ledger_refuse_direct_write();
DROP TRIGGER append_only_truncate ON ledger_account;
DROP TRIGGER append_only_truncate ON ledger_transfer;
DROP TRIGGER append_only_truncate ON ledger_asset;
DROP TRIGGER append_only ON ledger_transfer;
DROP TRIGGER append_only ON ledger_asset;
DROP VIEW ledger_entry;
ALTER TABLE ledger_account DROP CONSTRAINT ledger_account_asset_exists;
DROP SEQUENCE ledger_entry_number;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
