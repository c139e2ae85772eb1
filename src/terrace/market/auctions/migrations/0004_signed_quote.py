"""A quote with the proof of its sign-in: both are judged in the same round trip."""

from django.db import migrations

SQL = r"""
-- For a web process that remembers who a session belongs to. Whatever may have changed since is looked at
-- again: the session (signed out, expired, other content), the password, the person, the membership.
-- NULL: the proof no longer stands, nothing was done.
CREATE FUNCTION auction_place_bid_signed(
    p_session text, p_session_digest text, p_password_digest text, p_membership bigint,
    p_auction bigint, p_organisation bigint, p_price bigint, p_confirmed boolean, p_key text,
    p_user bigint, p_person bigint, p_name text, p_via text, p_client text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    today date := (terrace_now() AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM django_session s, orgs_user u, orgs_membership m
        WHERE s.session_key = p_session AND s.expire_date > clock_timestamp() AND md5(s.session_data) = p_session_digest
          AND u.id = p_user AND u.is_active AND md5(u.password) = p_password_digest
          AND m.id = p_membership AND m.user_id = p_user AND m.organisation_id = p_organisation
          AND m.role IN ('FIRM_CLERK', 'FIRM_APPROVER') AND m.since <= today AND (m.until IS NULL OR m.until >= today)
    ) THEN
        RETURN NULL;
    END IF;
    RETURN auction_place_bid(p_auction, p_organisation, p_price, p_confirmed, p_key, p_user, p_person, p_name, p_via, p_client);
END $$;
"""

REVERSE = """
DROP FUNCTION auction_place_bid_signed(text, text, text, bigint, bigint, bigint, bigint, boolean, text, bigint, bigint, text, text, text);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("auctions", "0003_agreement"),
        ("sessions", "0001_initial"),
        ("orgs", "0001_initial"),
    ]
    operations = [migrations.RunSQL(SQL, REVERSE)]
