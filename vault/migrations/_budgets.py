"""The periods of budgets, in SQL."""

PERIODS = """
CREATE FUNCTION budget_period_start(period text, created timestamptz, at timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql STABLE RETURN CASE WHEN period = 'total' THEN created ELSE date_trunc(period, at, zone) END;

CREATE FUNCTION budget_period_end(period text, at timestamptz, zone text) RETURNS timestamptz
LANGUAGE sql STABLE RETURN CASE WHEN period <> 'total' THEN
    (date_trunc(period, at AT TIME ZONE zone) + ('1 ' || period)::interval) AT TIME ZONE zone END;
"""
