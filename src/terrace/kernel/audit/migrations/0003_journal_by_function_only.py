"""The application writes the journal through its function only: it needs no INSERT or UPDATE grant of its own.

A function that runs with its owner's rights must not look up tables in the caller's temporary schema.
"""

from django.db import migrations

SIGNATURE = "terrace_journal(text, timestamptz, text, bigint, bigint, bigint, text, text, text, text, jsonb, text, text, text, text, jsonb)"


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_functions")]
    operations = [
        migrations.RunSQL(
            f"ALTER FUNCTION {SIGNATURE} SECURITY DEFINER SET search_path = public, pg_temp;",
            f"ALTER FUNCTION {SIGNATURE} SECURITY INVOKER RESET search_path;",
        )
    ]
