import django.db.models.functions.datetime
from django.db import migrations, models

NOW_SQL = """
CREATE FUNCTION terrace_now() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE AS
$$ SELECT clock_timestamp() + coalesce((SELECT "offset" FROM base_clock_setting WHERE id = 1), interval '0') $$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="ClockSetting",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("offset", models.DurationField(db_comment="added to clock_timestamp() by terrace_now()")),
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "base_clock_setting",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="base_clock_single_row")
                ],
            },
        ),
        migrations.RunSQL(NOW_SQL, "DROP FUNCTION terrace_now();"),
    ]
