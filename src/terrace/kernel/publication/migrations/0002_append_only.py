"""Announcements and notices are written once."""

from django.db import migrations

TABLES = ("publication_announcement", "publication_notice")

SQL = "".join(
    f"""
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
"""
    for table in TABLES
)
REVERSE = "".join(
    f"DROP TRIGGER append_only ON {table}; DROP TRIGGER append_only_truncate ON {table};" for table in TABLES
)


class Migration(migrations.Migration):
    dependencies = [("publication", "0001_initial"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
