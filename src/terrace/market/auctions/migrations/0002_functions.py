"""The quote under one row lock and its way to the disk, the public state, and the triggers that keep what was quoted for ever."""

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

-- What anybody may know at this moment; rules.ascending names the same things. `p_leader` is a mask.
CREATE FUNCTION auction_public_state(a auctions_auction, s auctions_state, p_leader text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', a.id, 'seq', s.seq, 'event', s.event_seq,
        'best_fen', s.best_fen, 'next_fen', coalesce(s.best_fen + a.increment_fen, a.start_price_fen),
        'increment_fen', a.increment_fen, 'leader', p_leader,
        'bidders', cardinality(s.free_quoters), 'extensions', s.extensions,
        'opens_at', auction_instant(a.opens_at),
        'free_ends_at', auction_instant(s.free_ends_at),
        'timed_starts_at', auction_instant(auction_timed_starts_at(a, s)),
        'ends_at', auction_instant(auction_ends_at(a, s)),
        'closed', s.closed_at IS NOT NULL)
$$;

CREATE FUNCTION auction_public_state(a auctions_auction, s auctions_state) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT auction_public_state(a, s, (SELECT mask FROM auctions_bidder WHERE id = s.leader_id))
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

-- A refused quote, with what its text needs: the next valid price and the basis on which it is shown.
CREATE FUNCTION auction_refusal(a auctions_auction, p_why text, p_minimum bigint, p_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('accepted', false, 'why', p_why, 'minimum_fen', p_minimum, 'at', auction_instant(p_at),
        'increment_fen', a.increment_fen, 'basis', a.price_basis, 'years', a.years)
$$;

-- One public event: numbered under the auction's lock, kept for those who come back. The caller holds the
-- row lock of the auction's state, and sends the hint when the event is committed.
CREATE FUNCTION auction_emit(p_auction bigint, p_seq int, p_kind text, p_data jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO auctions_live_event (auction_id, seq, kind, data) VALUES (p_auction, p_seq, p_kind, p_data::text)
$$;

-- Tell the listeners that the log has grown, with its newest event (a notification holds 8,000 bytes).
-- A lost hint costs a second: the table is asked, too.
CREATE FUNCTION auction_hint(p_auction bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_notify('auction_events', e.auction_id || ' ' || e.seq || ' ' || e.kind
        || CASE WHEN octet_length(e.data) < 7000 THEN ' ' || e.data ELSE '' END)
    FROM auctions_live_event e WHERE e.auction_id = p_auction ORDER BY e.seq DESC LIMIT 1
$$;

-- A quote, from the lock to the answer, in the transaction of the caller. The order of the reasons is that of
-- rules.ascending.place; the property-based test holds the two together. `event` is what the listeners are told
-- once the bid is durable. Every look-up is by a unique key: no sequential scan, however small or unknown a table
-- was when the plan was made (plans are kept as long as the connection).
CREATE FUNCTION auction_place_bid(
    p_auction bigint, p_organisation bigint, p_price bigint, p_confirmed boolean, p_key text,
    p_user bigint, p_person bigint, p_name text, p_via text, p_client text,
    OUT answer jsonb, OUT event text
) LANGUAGE plpgsql SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
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
        answer := jsonb_build_object('accepted', false, 'why', 'no_auction');
        RETURN;
    END IF;
    -- Under the lock: the clock (whoever waited is judged by when his turn came), the terms, the bidder, its
    -- organisation, and whether its deposit is frozen in the ledger and neither taken nor given back.
    SELECT t AS terms, terrace_now() AS at, m.id, m.mask, m.state, m.limit_fen, o.state AS organisation_state,
            NOT t.deposit_required
                OR EXISTS (SELECT 1 FROM ledger_transfer WHERE id = m.deposit_hold_id AND phase = 'HOLD')
                AND NOT EXISTS (SELECT 1 FROM ledger_transfer WHERE hold_of_id = m.deposit_hold_id) AS secured
        INTO b
        FROM auctions_bidder m JOIN orgs_organisation o ON o.id = m.organisation_id
            JOIN auctions_auction t ON t.id = m.auction_id
        WHERE m.auction_id = p_auction AND m.organisation_id = p_organisation;
    IF NOT FOUND THEN
        answer := jsonb_build_object('accepted', false, 'why', 'not_admitted');
        RETURN;
    END IF;
    a := b.terms;

    SELECT * INTO first FROM auctions_bid WHERE bidder_id = b.id AND key = p_key;
    IF FOUND THEN
        answer := CASE WHEN first.price_fen <> p_price OR first.confirmed <> p_confirmed
            THEN jsonb_build_object('accepted', false, 'why', 'key_reused')
            ELSE jsonb_build_object('accepted', true, 'repeated', true, 'seq', first.seq,
                'price_fen', first.price_fen, 'at', auction_instant(first.at), 'phase', first.phase,
                'ends_at', auction_instant(first.ends_at)) END;
        RETURN;
    END IF;
    SELECT * INTO first FROM auctions_refused WHERE bidder_id = b.id AND key = p_key;
    IF FOUND THEN
        answer := CASE WHEN first.price_fen <> p_price OR first.confirmed <> p_confirmed
            THEN jsonb_build_object('accepted', false, 'why', 'key_reused')
            ELSE auction_refusal(a, first.why, first.minimum_fen, first.at) END;
        RETURN;
    END IF;

    v_at := greatest(b.at, s.last_at);
    v_phase := auction_phase(a, s, v_at);
    v_minimum := coalesce(s.best_fen + a.increment_fen, a.start_price_fen);
    v_why := CASE
        WHEN b.state <> 'ADMITTED' THEN 'not_admitted'
        WHEN b.organisation_state <> 'ACTIVE' THEN 'organisation_inactive'
        WHEN NOT b.secured THEN 'deposit_missing'
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
        answer := auction_refusal(a, v_why, v_minimum, v_at);
        RETURN;
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
    event := jsonb_build_object(
        'seq', s.seq, 'mask', b.mask, 'price_fen', p_price, 'at', auction_instant(v_at), 'phase', v_phase,
        'extended', v_extended, 'state', auction_public_state(a, s, b.mask))::text;
    INSERT INTO auctions_live_event (auction_id, seq, kind, data) VALUES (p_auction, s.event_seq, 'bid', event);
    event := p_auction || ' ' || s.event_seq || ' bid ' || event;
    PERFORM terrace_journal('auction:' || p_auction, v_at, 'auction.bid.place', p_user, p_person, p_organisation,
        p_name, p_via, 'auction', p_auction::text,
        jsonb_build_object('seq', s.seq, 'bidder', b.id, 'price_fen', p_price, 'phase', v_phase,
                           'ends_at', auction_instant(v_ends), 'key', p_key),
        '', '', NULL, '', NULL);
    answer := jsonb_build_object('accepted', true, 'repeated', false, 'seq', s.seq, 'price_fen', p_price,
        'at', auction_instant(v_at), 'phase', v_phase, 'ends_at', auction_instant(v_ends));
END $$;

-- A quote as people send it: three transactions in one round trip (ADR 0006). The first judges and records and
-- gives the lock back without waiting for the disk; the second waits until everything written so far is on the
-- disk, together with all who wait at that moment; the third tells the live events. The answer leaves after that.
-- With `p_session` the proof of a remembered sign-in is judged first: whatever may have changed since is looked at
-- again (signed out, expired, other content, password, person, membership). NULL: it no longer stands, nothing was done.
CREATE PROCEDURE auction_quote(
    p_session text, p_session_digest text, p_password_digest text, p_membership bigint,
    p_auction bigint, p_organisation bigint, p_price bigint, p_confirmed boolean, p_key text,
    p_user bigint, p_person bigint, p_name text, p_via text, p_client text, INOUT answer jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    today date;
    event text;
BEGIN
    IF p_session IS NOT NULL THEN
        today := (terrace_now() AT TIME ZONE 'Asia/Shanghai')::date;
        PERFORM 1 FROM django_session s, orgs_user u, orgs_membership m
            WHERE s.session_key = p_session AND s.expire_date > clock_timestamp() AND md5(s.session_data) = p_session_digest
                AND u.id = p_user AND u.is_active AND md5(u.password) = p_password_digest
                AND m.id = p_membership AND m.user_id = p_user AND m.organisation_id = p_organisation
                AND m.role IN ('FIRM_CLERK', 'FIRM_APPROVER') AND m.since <= today AND (m.until IS NULL OR m.until >= today);
        IF NOT FOUND THEN
            RETURN;
        END IF;
    END IF;
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT p.answer, p.event INTO answer, event
        FROM auction_place_bid(p_auction, p_organisation, p_price, p_confirmed, p_key, p_user, p_person, p_name, p_via, p_client) p;
    COMMIT;
    -- A record in the log of the database, for the sake of its flush. A repeated answer needs it, too: the
    -- first one may still be on its way to the disk.
    PERFORM pg_logical_emit_message(true, 'auction_quote', '');
    COMMIT;
    -- Of its own, because a notification makes every commit of the city wait for the one before.
    IF event IS NOT NULL THEN
        PERFORM pg_notify('auction_events', event);
    END IF;
END $$;

-- Quotes, refused quotes and events name their auction and bidder without foreign keys: the function reads both
-- under the lock, and neither can go. A foreign key would write to the bidder's row with every quote.
CREATE FUNCTION auction_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows: DELETE refused', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER never_deleted BEFORE DELETE ON auctions_auction
    FOR EACH ROW EXECUTE FUNCTION auction_refuse_delete();
CREATE TRIGGER never_deleted BEFORE DELETE ON auctions_state
    FOR EACH ROW EXECUTE FUNCTION auction_refuse_delete();
CREATE TRIGGER never_deleted BEFORE DELETE ON auctions_bidder
    FOR EACH ROW EXECUTE FUNCTION auction_refuse_delete();
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
DROP TRIGGER never_deleted ON auctions_bidder;
DROP TRIGGER never_deleted ON auctions_state;
DROP TRIGGER never_deleted ON auctions_auction;
DROP FUNCTION auction_refuse_delete();
DROP PROCEDURE auction_quote;
DROP FUNCTION auction_place_bid;
DROP FUNCTION auction_hint(bigint);
DROP FUNCTION auction_refusal(auctions_auction, text, bigint, timestamptz);
DROP FUNCTION auction_emit(bigint, int, text, jsonb);
DROP FUNCTION auction_phase(auctions_auction, auctions_state, timestamptz);
DROP FUNCTION auction_public_state(auctions_auction, auctions_state);
DROP FUNCTION auction_public_state(auctions_auction, auctions_state, text);
DROP FUNCTION auction_ends_at(auctions_auction, auctions_state);
DROP FUNCTION auction_timed_starts_at(auctions_auction, auctions_state);
DROP FUNCTION auction_instant(timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("auctions", "0001_initial"),
        ("audit", "0002_functions"),
        ("ledger", "0003_functions"),
        ("orgs", "0001_initial"),
        ("sessions", "0001_initial"),
    ]
    operations = [migrations.RunSQL(SQL, REVERSE)]
