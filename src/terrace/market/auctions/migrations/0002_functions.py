"""The quote under one row lock, the public state, and the triggers that keep what was quoted for ever."""

from django.db import migrations

SQL = r"""
-- Quotes come many to a second and each changes only this row: room for the new version on the same page.
ALTER TABLE auctions_state SET (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500);

CREATE FUNCTION auction_instant(p timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(p AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

CREATE FUNCTION auction_timed_starts_at(a auctions_auction, s auctions_state) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN a.timed_period AND cardinality(s.free_quoters) >= a.timed_quoters_min
                THEN s.free_ends_at + make_interval(secs => a.wait_seconds) END
$$;

CREATE FUNCTION auction_ends_at(a auctions_auction, s auctions_state) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT coalesce(s.timed_ends_at,
                    auction_timed_starts_at(a, s) + make_interval(secs => a.window_seconds),
                    s.free_ends_at)
$$;

-- What anybody may know at this moment; rules.ascending names the same things.
CREATE FUNCTION auction_public_state(a auctions_auction, s auctions_state) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', a.id, 'seq', s.seq, 'event', s.event_seq,
        'best_fen', s.best_fen, 'next_fen', coalesce(s.best_fen + a.increment_fen, a.start_price_fen),
        'increment_fen', a.increment_fen,
        'leader', (SELECT mask FROM auctions_bidder WHERE id = s.leader_id),
        'bidders', cardinality(s.free_quoters), 'extensions', s.extensions,
        'opens_at', auction_instant(a.opens_at),
        'free_ends_at', auction_instant(s.free_ends_at),
        'timed_starts_at', auction_instant(auction_timed_starts_at(a, s)),
        'ends_at', auction_instant(auction_ends_at(a, s)),
        'closed', s.closed_at IS NOT NULL)
$$;

CREATE FUNCTION auction_phase(a auctions_auction, s auctions_state, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN s.closed_at IS NOT NULL THEN 'CLOSED'
        WHEN p_at < a.opens_at THEN 'BEFORE'
        WHEN p_at < s.free_ends_at THEN 'FREE'
        WHEN auction_timed_starts_at(a, s) IS NULL THEN 'CLOSED'
        WHEN p_at < auction_timed_starts_at(a, s) THEN 'WAIT'
        WHEN p_at < auction_ends_at(a, s) THEN 'TIMED'
        ELSE 'CLOSED' END
$$;

-- A deposit that is frozen and has been neither taken nor given back. Reads the ledger, never writes it.
CREATE FUNCTION auction_deposit_held(p_hold bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM ledger_transfer WHERE id = p_hold AND phase = 'HOLD')
        AND NOT EXISTS (SELECT 1 FROM ledger_transfer WHERE hold_of_id = p_hold)
$$;

-- One public event: numbered under the auction's lock, kept for those who come back, announced on commit.
-- The caller holds the row lock of the auction's state.
CREATE FUNCTION auction_emit(p_auction bigint, p_seq int, p_kind text, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO auctions_live_event (auction_id, seq, kind, data) VALUES (p_auction, p_seq, p_kind, p_data::text);
    -- A notification holds 8,000 bytes; a longer event is read from the table.
    PERFORM pg_notify('auction_events', p_auction || ' ' || p_seq || ' ' || p_kind
        || CASE WHEN octet_length(p_data::text) < 7000 THEN ' ' || p_data::text ELSE '' END);
END $$;

-- A quote, from the lock to the answer: one call is one transaction is one round trip. The order of the
-- reasons is that of rules.ascending.place; the property-based test holds the two together.
CREATE FUNCTION auction_place_bid(
    p_auction bigint, p_organisation bigint, p_price bigint, p_confirmed boolean, p_key text,
    p_user bigint, p_person bigint, p_name text, p_via text, p_client text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    s auctions_state;
    a auctions_auction;
    b record;
    first record;
    v_at timestamptz;
    v_phase text;
    v_minimum bigint;
    v_why text;
    v_ends timestamptz;
    v_extended boolean := false;
BEGIN
    SELECT * INTO s FROM auctions_state WHERE auction_id = p_auction FOR UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('accepted', false, 'why', 'no_auction');
    END IF;
    -- The clock is read under the lock: whoever waited for it is judged by when his turn came.
    v_at := greatest(terrace_now(), s.last_at);
    SELECT * INTO a FROM auctions_auction WHERE id = p_auction;
    SELECT m.id, m.mask, m.state, m.deposit_hold_id, m.limit_fen, o.state AS organisation_state INTO b
        FROM auctions_bidder m JOIN orgs_organisation o ON o.id = m.organisation_id
        WHERE m.auction_id = p_auction AND m.organisation_id = p_organisation;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('accepted', false, 'why', 'not_admitted');
    END IF;

    SELECT * INTO first FROM auctions_bid WHERE bidder_id = b.id AND key = p_key;
    IF FOUND THEN
        IF first.price_fen <> p_price OR first.confirmed <> p_confirmed THEN
            RETURN jsonb_build_object('accepted', false, 'why', 'key_reused');
        END IF;
        RETURN jsonb_build_object('accepted', true, 'repeated', true, 'seq', first.seq,
            'price_fen', first.price_fen, 'at', auction_instant(first.at), 'phase', first.phase,
            'ends_at', auction_instant(first.ends_at));
    END IF;
    SELECT * INTO first FROM auctions_refused WHERE bidder_id = b.id AND key = p_key;
    IF FOUND THEN
        IF first.price_fen <> p_price OR first.confirmed <> p_confirmed THEN
            RETURN jsonb_build_object('accepted', false, 'why', 'key_reused');
        END IF;
        RETURN jsonb_build_object('accepted', false, 'repeated', true, 'why', first.why,
            'minimum_fen', first.minimum_fen, 'at', auction_instant(first.at));
    END IF;

    v_phase := auction_phase(a, s, v_at);
    v_minimum := coalesce(s.best_fen + a.increment_fen, a.start_price_fen);
    v_why := CASE
        WHEN b.state <> 'ADMITTED' THEN 'not_admitted'
        WHEN b.organisation_state <> 'ACTIVE' THEN 'organisation_inactive'
        WHEN a.deposit_required AND NOT auction_deposit_held(b.deposit_hold_id) THEN 'deposit_missing'
        WHEN v_phase = 'BEFORE' THEN 'not_open'
        WHEN v_phase = 'WAIT' THEN 'waiting'
        WHEN v_phase = 'CLOSED' THEN 'closed'
        WHEN v_phase = 'TIMED' AND a.free_quoters_only AND b.id <> ALL (s.free_quoters) THEN 'not_in_free_period'
        WHEN NOT a.leader_may_raise AND b.id = s.leader_id THEN 'already_leading'
        WHEN p_price > 1000000000000000 THEN 'too_high'
        WHEN p_price < v_minimum THEN 'too_low'
        WHEN a.whole_steps AND (p_price - a.start_price_fen) % a.increment_fen <> 0 THEN 'not_a_step'
        WHEN p_price > b.limit_fen THEN 'over_own_limit'
        WHEN NOT p_confirmed AND p_price > a.confirm_factor * v_minimum THEN 'confirm_jump'
    END;
    IF v_why IS NOT NULL THEN
        INSERT INTO auctions_refused (auction_id, bidder_id, price_fen, confirmed, at, why, minimum_fen, user_id, client, key)
            VALUES (p_auction, b.id, p_price, p_confirmed, v_at, v_why, v_minimum, p_user, p_client, p_key);
        RETURN jsonb_build_object('accepted', false, 'repeated', false, 'why', v_why,
            'minimum_fen', v_minimum, 'at', auction_instant(v_at));
    END IF;

    s.seq := s.seq + 1;
    s.best_fen := p_price;
    s.leader_id := b.id;
    s.last_at := v_at;
    s.event_seq := s.event_seq + 1;
    IF v_phase = 'FREE' AND b.id <> ALL (s.free_quoters) THEN
        s.free_quoters := s.free_quoters || b.id::bigint;
    END IF;
    IF a.extensions_max IS NULL OR s.extensions < a.extensions_max THEN
        IF v_phase = 'TIMED' THEN
            s.timed_ends_at := v_at + make_interval(secs => a.window_seconds);
            v_extended := true;
        ELSIF v_at + make_interval(secs => a.late_quote_seconds) > s.free_ends_at THEN
            s.free_ends_at := v_at + make_interval(secs => a.late_quote_seconds);
            v_extended := true;
        END IF;
        s.extensions := s.extensions + v_extended::int;
    END IF;
    v_ends := auction_ends_at(a, s);
    UPDATE auctions_state SET seq = s.seq, best_fen = s.best_fen, leader_id = s.leader_id, last_at = s.last_at,
        event_seq = s.event_seq, free_quoters = s.free_quoters, timed_ends_at = s.timed_ends_at,
        free_ends_at = s.free_ends_at, extensions = s.extensions WHERE auction_id = p_auction;
    INSERT INTO auctions_bid (auction_id, seq, bidder_id, price_fen, confirmed, at, phase, ends_at, user_id, client, key)
        VALUES (p_auction, s.seq, b.id, p_price, p_confirmed, v_at, v_phase, v_ends, p_user, p_client, p_key);
    PERFORM auction_emit(p_auction, s.event_seq, 'bid', jsonb_build_object(
        'seq', s.seq, 'mask', b.mask, 'price_fen', p_price, 'at', auction_instant(v_at), 'phase', v_phase,
        'extended', v_extended, 'state', auction_public_state(a, s)));
    PERFORM terrace_journal('auction:' || p_auction, v_at, 'auction.bid.place', p_user, p_person, p_organisation,
        p_name, p_via, 'auction', p_auction::text,
        jsonb_build_object('seq', s.seq, 'bidder', b.id, 'price_fen', p_price, 'phase', v_phase,
                           'ends_at', auction_instant(v_ends), 'key', p_key),
        '', '', NULL, '', NULL);
    RETURN jsonb_build_object('accepted', true, 'repeated', false, 'seq', s.seq, 'price_fen', p_price,
        'at', auction_instant(v_at), 'phase', v_phase, 'ends_at', auction_instant(v_ends));
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON auctions_bid
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON auctions_bid
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON auctions_refused
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON auctions_refused
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON auctions_live_event
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON auctions_live_event
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON auctions_result
    FOR EACH ROW EXECUTE FUNCTION terrace_refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON auctions_result
    FOR EACH STATEMENT EXECUTE FUNCTION terrace_refuse_change();
"""

REVERSE = """
DROP TRIGGER append_only ON auctions_result;
DROP TRIGGER append_only_truncate ON auctions_result;
DROP TRIGGER append_only ON auctions_live_event;
DROP TRIGGER append_only_truncate ON auctions_live_event;
DROP TRIGGER append_only ON auctions_refused;
DROP TRIGGER append_only_truncate ON auctions_refused;
DROP TRIGGER append_only ON auctions_bid;
DROP TRIGGER append_only_truncate ON auctions_bid;
DROP FUNCTION auction_place_bid(bigint, bigint, bigint, boolean, text, bigint, bigint, text, text, text);
DROP FUNCTION auction_emit(bigint, int, text, jsonb);
DROP FUNCTION auction_deposit_held(bigint);
DROP FUNCTION auction_phase(auctions_auction, auctions_state, timestamptz);
DROP FUNCTION auction_public_state(auctions_auction, auctions_state);
DROP FUNCTION auction_ends_at(auctions_auction, auctions_state);
DROP FUNCTION auction_timed_starts_at(auctions_auction, auctions_state);
DROP FUNCTION auction_instant(timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("auctions", "0001_initial"),
        ("audit", "0002_functions"),
        ("ledger", "0003_functions"),
    ]
    operations = [migrations.RunSQL(SQL, REVERSE)]
