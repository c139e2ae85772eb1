"""Decisions are never changed or taken back; a change of a parameter is not edited once it is decided."""

from __future__ import annotations

from django.db import migrations

SQL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON rulebooks_eligibilitydecision
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON rulebooks_eligibilitydecision
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();

CREATE FUNCTION rulebooks_parameter_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'WAITING'
       OR (OLD.rulebook, OLD.name, OLD.value, OLD.effective_from, OLD.clause)
          IS DISTINCT FROM (NEW.rulebook, NEW.name, NEW.value, NEW.effective_from, NEW.clause) THEN
        RAISE EXCEPTION 'a rulebook parameter is decided once and never edited'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER rulebooks_parameter_guard BEFORE UPDATE OR DELETE ON rulebooks_rulebookparameter
    FOR EACH ROW EXECUTE FUNCTION rulebooks_parameter_guard();
"""

REVERSE = """
DROP TRIGGER rulebooks_parameter_guard ON rulebooks_rulebookparameter;
DROP FUNCTION rulebooks_parameter_guard();
DROP TRIGGER append_only_truncate ON rulebooks_eligibilitydecision;
DROP TRIGGER append_only ON rulebooks_eligibilitydecision;
"""


class Migration(migrations.Migration):
    dependencies = [("rulebooks", "0001_initial"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
