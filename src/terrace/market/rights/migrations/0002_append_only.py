"""Lines of a permit are never changed or deleted: a mistake is corrected by a further line."""

from django.db import migrations

SQL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON rights_permitentry
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON rights_permitentry
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
"""
REVERSE = """
DROP TRIGGER append_only ON rights_permitentry;
DROP TRIGGER append_only_truncate ON rights_permitentry;
"""


class Migration(migrations.Migration):
    dependencies = [("rights", "0001_initial"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
