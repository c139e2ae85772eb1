"""What was asked of a second person cannot be rewritten, and what was decided cannot be decided again."""

from django.db import migrations

SQL = """
CREATE TRIGGER decided_is_final BEFORE UPDATE OR DELETE ON orgs_approval
    FOR EACH ROW WHEN (OLD.state <> 'WAITING') EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER asked_is_fixed BEFORE UPDATE OF act, subject_type, subject_id, payload, payload_digest,
    checker_roles, organisation_id, maker_user_id, maker_person_id, asked_at ON orgs_approval
    FOR EACH ROW WHEN (
        (OLD.act, OLD.subject_type, OLD.subject_id, OLD.payload, OLD.payload_digest, OLD.checker_roles,
         OLD.organisation_id, OLD.maker_user_id, OLD.maker_person_id, OLD.asked_at)
        IS DISTINCT FROM
        (NEW.act, NEW.subject_type, NEW.subject_id, NEW.payload, NEW.payload_digest, NEW.checker_roles,
         NEW.organisation_id, NEW.maker_user_id, NEW.maker_person_id, NEW.asked_at)
    ) EXECUTE FUNCTION terrace_refuse_change();
"""

REVERSE = """
DROP TRIGGER decided_is_final ON orgs_approval;
DROP TRIGGER asked_is_fixed ON orgs_approval;
"""


class Migration(migrations.Migration):
    dependencies = [("orgs", "0001_initial"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
