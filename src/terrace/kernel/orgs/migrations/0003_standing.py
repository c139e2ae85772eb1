"""Who a user is today, in one round trip: name, second factor, every role by membership or letter.

A function, because its plan is kept by the connection: the question is asked with every request.
"""

from django.db import migrations

SQL = """
CREATE FUNCTION orgs_standing(p_user bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    today date := (terrace_now() AT TIME ZONE 'Asia/Shanghai')::date;
    answer jsonb;
BEGIN
    SELECT jsonb_build_object(
        'name', coalesce(p.name, ''),
        'second_factor', EXISTS (
            SELECT 1 FROM mfa_authenticator a WHERE a.user_id = u.id AND a.type IN ('totp', 'webauthn')
        ),
        'roles', coalesce((
            SELECT jsonb_agg(jsonb_build_array(
                       o.id, o.name, o.name_en, o.kind, o.area, o.state, o.state_reason,
                       r.membership_id, r.role, r.scope
                   ) ORDER BY r.membership_id NULLS LAST, o.id)
            FROM (
                SELECT m.id AS membership_id, m.organisation_id, m.role, NULL::varchar[] AS scope
                FROM orgs_membership m
                WHERE m.user_id = u.id AND m.since <= today AND (m.until IS NULL OR m.until >= today)
                UNION ALL
                SELECT NULL, l.organisation_id, 'FIRM_CLERK', l.scope
                FROM orgs_delegationletter l
                WHERE l.clerk_id = u.id AND l.valid_from <= today AND l.valid_to >= today
                  AND l.revoked_at IS NULL
            ) r JOIN orgs_organisation o ON o.id = r.organisation_id
        ), '[]'::jsonb)
    ) INTO answer
    FROM orgs_user u LEFT JOIN orgs_person p ON p.id = u.person_id
    WHERE u.id = p_user;
    RETURN answer;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("orgs", "0002_second_person"),
        ("base", "0001_initial"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]
    operations = [migrations.RunSQL(SQL, "DROP FUNCTION orgs_standing(bigint)")]
