"""Signatures are never changed or taken back."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial"), ("audit", "0002_functions")]
    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON settlement_contractsignature"
            " FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change()",
            "DROP TRIGGER append_only ON settlement_contractsignature",
        )
    ]
