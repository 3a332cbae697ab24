"""When the period of a budget begins and ends, in the tenant's time zone, where a day may have 23 or 25 hours."""

from django.db import migrations

PERIODS = """
CREATE FUNCTION budget_period_start(period text, created timestamptz, at timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql STABLE RETURN CASE WHEN period = 'total' THEN created ELSE date_trunc(period, at, zone) END;

CREATE FUNCTION budget_period_end(period text, at timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql STABLE RETURN CASE WHEN period <> 'total' THEN
    (date_trunc(period, at AT TIME ZONE zone) + ('1 ' || period)::interval) AT TIME ZONE zone END;
"""

REMOVE = """
DROP FUNCTION budget_period_start(text, timestamptz, timestamptz, text);
DROP FUNCTION budget_period_end(text, timestamptz, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ('vault', '0001_usage'),
    ]

    operations = [
        migrations.RunSQL(PERIODS, REMOVE),
    ]
