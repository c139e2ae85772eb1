"""The notification leaves the bid's transaction: in PostgreSQL it makes every commit wait for the one before."""

from django.db import migrations

SQL = r"""
-- One public event: numbered under the auction's lock, kept for those who come back. The caller holds the
-- row lock of the auction's state, and sends the hint when the event is committed.
CREATE OR REPLACE FUNCTION auction_emit(p_auction bigint, p_seq int, p_kind text, p_data jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO auctions_live_event (auction_id, seq, kind, data) VALUES (p_auction, p_seq, p_kind, p_data::text)
$$;

-- Tell the listeners that the log has grown, with its newest event (a notification holds 8,000 bytes).
-- Writes nothing, so its commit waits for no disk. A lost hint costs a second: the table is asked, too.
CREATE FUNCTION auction_hint(p_auction bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('auction_events', e.auction_id || ' ' || e.seq || ' ' || e.kind
        || CASE WHEN octet_length(e.data) < 7000 THEN ' ' || e.data ELSE '' END)
    FROM auctions_live_event e WHERE e.auction_id = p_auction ORDER BY e.seq DESC LIMIT 1
$$;
"""

REVERSE = r"""
DROP FUNCTION auction_hint(bigint);
CREATE OR REPLACE FUNCTION auction_emit(p_auction bigint, p_seq int, p_kind text, p_data jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO auctions_live_event (auction_id, seq, kind, data) VALUES (p_auction, p_seq, p_kind, p_data::text);
    SELECT pg_notify('auction_events', p_auction || ' ' || p_seq || ' ' || p_kind);
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("auctions", "0004_signed_quote")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
