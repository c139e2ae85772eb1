"""Published digests are written once."""

from django.db import migrations

SQL = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON publication_dailydigest
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON publication_dailydigest
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
"""
REVERSE = """
DROP TRIGGER append_only ON publication_dailydigest; DROP TRIGGER append_only_truncate ON publication_dailydigest;
"""


class Migration(migrations.Migration):
    dependencies = [("publication", "0003_dailydigest"), ("audit", "0002_functions")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
