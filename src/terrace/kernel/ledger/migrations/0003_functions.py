"""The functions that write the ledger. Python calls them; nothing else writes these tables (ADR 0004).

`ledger_post_one` is the hot path: one entry with one movement. `ledger_post_many` takes any number of entries
with any number of movements, in a fixed number of statements. Both refuse the same things in the same order;
tests/invariants/test_ledger_histories.py holds them against each other and against a model in Python.

Order of refusals of one movement: key reused (TL005); hold unknown (TL003), resolved (TL002), exceeded (TL007);
debit account unknown, credit account unknown (TL006); other asset (TL004); balance (TL001); limit (TL008).
Refusals carry their facts as JSON in DETAIL.
"""

from django.db import migrations

SQL = r"""
CREATE FUNCTION ledger_entry_digest(
    p_id bigint, p_key text, p_code text, p_at timestamptz, p_recorded_at timestamptz, p_user bigint,
    p_person bigint, p_organisation bigint, p_reason text, p_subject_type text, p_subject_id text,
    p_count integer, p_request bytea
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(
        int8send(p_id) || timestamptz_send(p_at) || timestamptz_send(p_recorded_at) || p_request
        || convert_to(ROW(p_key, p_code, p_user, p_person, p_organisation, p_reason, p_subject_type,
                          p_subject_id, p_count)::text, 'UTF8'))
$$;

CREATE FUNCTION ledger_transfer_content(
    p_entry_digest bytea, p_id bigint, p_phase text, p_debit bigint, p_credit bigint, p_amount bigint, p_hold bigint
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT p_entry_digest || int8send(p_id) || int8send(p_debit) || int8send(p_credit) || int8send(p_amount)
        || int8send(coalesce(p_hold, 0)) || convert_to(p_phase, 'UTF8')
$$;

CREATE FUNCTION ledger_account_seed(
    p_id bigint, p_owner_type text, p_owner_id text, p_asset_code text, p_kind text, p_may_overdraw boolean
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(
        ROW('account', p_id, p_owner_type, p_owner_id, p_asset_code, p_kind, p_may_overdraw)::text, 'UTF8'))
$$;

CREATE FUNCTION ledger_refuse(p_state text, p_facts jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger refuses (%)', p_state USING ERRCODE = p_state, DETAIL = p_facts::text;
END $$;

-- Why a balance update found no row to change. Takes the locks, so that after a silent return the same
-- update finds its row. p_debit_done: the debit side was changed already, do not judge it again.
CREATE FUNCTION ledger_explain(
    p_debit bigint, p_credit bigint, p_move bigint, p_release bigint, p_hold bigint, p_debit_done boolean
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    d record;
    c record;
BEGIN
    PERFORM 1 FROM ledger_account WHERE id IN (p_debit, p_credit) ORDER BY id FOR NO KEY UPDATE;
    IF p_hold IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_transfer WHERE hold_of_id = p_hold) THEN
        PERFORM ledger_refuse('TL002', jsonb_build_object('hold', p_hold));
    END IF;
    SELECT a.*, s.unit, s.pollutant INTO d FROM ledger_account a JOIN ledger_asset s ON s.id = a.asset_id WHERE a.id = p_debit;
    IF NOT FOUND THEN
        PERFORM ledger_refuse('TL006', jsonb_build_object('account', p_debit));
    END IF;
    SELECT a.* INTO c FROM ledger_account a WHERE a.id = p_credit;
    IF NOT FOUND THEN
        PERFORM ledger_refuse('TL006', jsonb_build_object('account', p_credit));
    END IF;
    IF d.asset_id <> c.asset_id THEN
        PERFORM ledger_refuse('TL004', jsonb_build_object('debit', p_debit, 'credit', p_credit));
    END IF;
    IF NOT p_debit_done THEN
        IF NOT d.may_overdraw AND d.posted - d.held < p_move - p_release THEN
            PERFORM ledger_refuse('TL001', jsonb_build_object(
                'account', p_debit, 'available', d.posted - d.held, 'needed', p_move - p_release,
                'unit', d.unit, 'pollutant', d.pollutant));
        END IF;
        IF d.posted - p_move < -4000000000000000000 OR d.held - p_release > 4000000000000000000 THEN
            PERFORM ledger_refuse('TL008', jsonb_build_object('account', p_debit));
        END IF;
    END IF;
    IF c.posted + p_move > 4000000000000000000 THEN
        PERFORM ledger_refuse('TL008', jsonb_build_object('account', p_credit));
    END IF;
    IF d.held < p_release AND NOT p_debit_done THEN
        RAISE EXCEPTION 'account % holds less than its open hold %: run terrace verify', p_debit, p_hold
            USING ERRCODE = 'data_corrupted';
    END IF;
END $$;

CREATE FUNCTION ledger_post_one(
    p_key text, p_code text, p_at timestamptz, p_user bigint, p_person bigint, p_organisation bigint,
    p_reason text, p_subject_type text, p_subject_id text, p_request bytea,
    p_phase text, p_debit bigint, p_credit bigint, p_amount bigint, p_hold bigint,
    OUT entry_id bigint, OUT repeated boolean
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_digest bytea;
    v_content bytea;
    v_debit bigint := p_debit;
    v_credit bigint := p_credit;
    v_amount bigint := p_amount;
    v_move bigint;
    v_release bigint;
    v_id bigint;
    v_hold_amount bigint;
    v_asset bigint;
    v_credit_asset bigint;
    d_posted bigint; d_version bigint; d_hash bytea;
    c_posted bigint; c_version bigint; c_hash bytea;
    v_writes text;
BEGIN
    v_writes := set_config('terrace.ledger_writes', 'on', true);
    entry_id := nextval('ledger_entry_id_seq');
    repeated := false;
    v_digest := ledger_entry_digest(entry_id, p_key, p_code, p_at, v_now, p_user, p_person, p_organisation,
                                    p_reason, p_subject_type, p_subject_id, 1, p_request);
    INSERT INTO ledger_entry (id, key, code, at, recorded_at, actor_user_id, actor_person_id,
            actor_organisation_id, reason, subject_type, subject_id, transfer_count, request_digest, digest)
        VALUES (entry_id, p_key, p_code, p_at, v_now, p_user, p_person, p_organisation, p_reason,
            p_subject_type, p_subject_id, 1, p_request, v_digest)
        ON CONFLICT (key) DO NOTHING;
    IF NOT FOUND THEN
        SELECT e.id, e.request_digest INTO entry_id, v_digest FROM ledger_entry e WHERE e.key = p_key;
        IF v_digest <> p_request THEN
            PERFORM ledger_refuse('TL005', jsonb_build_object('key', p_key, 'entry', entry_id));
        END IF;
        repeated := true;
        v_writes := set_config('terrace.ledger_writes', 'off', true);
        RETURN;
    END IF;

    IF p_phase = 'DIRECT' THEN
        v_move := p_amount;
        v_release := 0;
    ELSIF p_phase = 'HOLD' THEN
        v_move := 0;
        v_release := -p_amount;
        SELECT a.asset_id INTO v_credit_asset FROM ledger_account a WHERE a.id = p_credit;
        IF NOT FOUND THEN
            PERFORM ledger_refuse('TL006', jsonb_build_object('account', coalesce(
                (SELECT p_credit FROM ledger_account a WHERE a.id = p_debit), p_debit)));
        END IF;
    ELSE
        SELECT h.debit_id, h.credit_id, h.amount INTO v_debit, v_credit, v_hold_amount
            FROM ledger_transfer h WHERE h.id = p_hold AND h.phase = 'HOLD';
        IF NOT FOUND THEN
            PERFORM ledger_refuse('TL003', jsonb_build_object('hold', p_hold));
        END IF;
        v_release := v_hold_amount;
        IF p_phase = 'VOID' THEN
            v_amount := v_hold_amount;
            v_move := 0;
        ELSE
            v_amount := coalesce(p_amount, v_hold_amount);
            v_move := v_amount;
            IF v_amount > v_hold_amount THEN
                PERFORM 1 FROM ledger_account a WHERE a.id = v_debit FOR NO KEY UPDATE;
                IF EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.hold_of_id = p_hold) THEN
                    PERFORM ledger_refuse('TL002', jsonb_build_object('hold', p_hold));
                END IF;
                PERFORM ledger_refuse('TL007', jsonb_build_object(
                    'hold', p_hold, 'held', v_hold_amount, 'needed', v_amount));
            END IF;
        END IF;
    END IF;
    v_id := entry_id * 10000 + 1;
    v_content := ledger_transfer_content(v_digest, v_id, p_phase, v_debit, v_credit, v_amount, p_hold);

    -- The updates are the locks, taken in the order of the account numbers: opposite transfers cannot deadlock.
    IF v_move > 0 AND v_credit < v_debit THEN
        LOOP
            UPDATE ledger_account a SET posted = a.posted + v_move, version = a.version + 1,
                    last_hash = sha256(a.last_hash || v_content)
                WHERE a.id = v_credit AND a.posted + v_move <= 4000000000000000000
                RETURNING a.asset_id, a.posted, a.version, a.last_hash
                INTO v_credit_asset, c_posted, c_version, c_hash;
            EXIT WHEN FOUND;
            PERFORM ledger_explain(v_debit, v_credit, v_move, v_release, p_hold, false);
        END LOOP;
    END IF;
    LOOP
        UPDATE ledger_account a SET posted = a.posted - v_move, held = a.held - v_release,
                version = a.version + 1, last_hash = sha256(a.last_hash || v_content)
            WHERE a.id = v_debit AND (a.may_overdraw OR a.posted - a.held >= v_move - v_release)
                AND a.held >= v_release AND a.held - v_release <= 4000000000000000000
                AND a.posted - v_move >= -4000000000000000000
            RETURNING a.asset_id, a.posted, a.version, a.last_hash INTO v_asset, d_posted, d_version, d_hash;
        EXIT WHEN FOUND;
        PERFORM ledger_explain(v_debit, v_credit, v_move, v_release, p_hold, false);
    END LOOP;
    IF v_move > 0 AND v_credit > v_debit THEN
        LOOP
            UPDATE ledger_account a SET posted = a.posted + v_move, version = a.version + 1,
                    last_hash = sha256(a.last_hash || v_content)
                WHERE a.id = v_credit AND a.posted + v_move <= 4000000000000000000
                RETURNING a.asset_id, a.posted, a.version, a.last_hash
                INTO v_credit_asset, c_posted, c_version, c_hash;
            EXIT WHEN FOUND;
            PERFORM ledger_explain(v_debit, v_credit, v_move, v_release, p_hold, true);
        END LOOP;
    END IF;

    IF p_hold IS NOT NULL THEN
        -- Whoever resolves this hold holds the lock of its debit account, so this look is the last word.
        IF EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.hold_of_id = p_hold) THEN
            PERFORM ledger_refuse('TL002', jsonb_build_object('hold', p_hold));
        END IF;
    ELSIF v_asset <> v_credit_asset THEN
        PERFORM ledger_refuse('TL004', jsonb_build_object('debit', v_debit, 'credit', v_credit));
    END IF;

    INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
            debit_version, debit_posted, debit_hash, credit_version, credit_posted, credit_hash)
        VALUES (v_id, entry_id, p_phase, v_asset, v_debit, v_credit, v_amount, p_hold,
            d_version, d_posted, d_hash, c_version, c_posted, c_hash);
    v_writes := set_config('terrace.ledger_writes', 'off', true);
END $$;

CREATE FUNCTION ledger_post_many(
    p_user bigint, p_person bigint, p_organisation bigint,
    p_keys text[], p_codes text[], p_ats timestamptz[], p_reasons text[], p_subject_types text[],
    p_subject_ids text[], p_requests bytea[], p_counts integer[],
    p_entries integer[], p_phases text[], p_debits bigint[], p_credits bigint[], p_amounts bigint[], p_holds bigint[],
    OUT entry_ids bigint[], OUT repeated boolean[]
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    n integer := cardinality(p_keys);
    m integer := cardinality(p_phases);
    has_repeats boolean;
    has_holds boolean := EXISTS (SELECT 1 FROM unnest(p_holds) h WHERE h IS NOT NULL);
    v_ids bigint[];
    v_digests bytea[];
    v_conflicts boolean[];
    v_debits bigint[] := p_debits;
    v_credits bigint[] := p_credits;
    h_amounts bigint[];
    h_resolved boolean[];
    a_ids bigint[]; a_assets bigint[]; a_over boolean[]; a_posted bigint[]; a_held bigint[];
    a_version bigint[]; a_hash bytea[];
    d_slots integer[]; c_slots integer[];
    -- Full length from the start: an array that begins at its second element would be unnested from there.
    o_none bigint[] := array_fill(NULL::bigint, ARRAY[m]);
    o_ids bigint[] := o_none; o_entries bigint[] := o_none; o_assets bigint[] := o_none; o_amounts bigint[] := o_none;
    o_dv bigint[] := o_none; o_dp bigint[] := o_none; o_dh bytea[] := array_fill(NULL::bytea, ARRAY[m]);
    o_cv bigint[] := o_none; o_cp bigint[] := o_none; o_ch bytea[] := array_fill(NULL::bytea, ARRAY[m]);
    i integer; e integer; e_before integer := 0; place integer;
    d integer; c integer;
    v_phase text; v_amount bigint; v_move bigint; v_release bigint; v_id bigint; v_content bytea; v_hash bytea;
    v_posted bigint; v_held bigint; v_version bigint;
    v_writes text;
BEGIN
    v_writes := set_config('terrace.ledger_writes', 'on', true);
    SELECT array_agg(s.id) INTO v_ids
        FROM (SELECT nextval('ledger_entry_id_seq') AS id FROM generate_series(1, n)) s;
    SELECT array_agg(ledger_entry_digest(x.id, x.key, x.code, x.at, v_now, p_user, p_person, p_organisation,
                x.reason, x.subject_type, x.subject_id, x.count, x.request) ORDER BY x.ord)
        INTO v_digests
        FROM unnest(v_ids, p_keys, p_codes, p_ats, p_reasons, p_subject_types, p_subject_ids, p_counts, p_requests)
            WITH ORDINALITY x (id, key, code, at, reason, subject_type, subject_id, count, request, ord);
    -- In the order of the keys, so that two batches with the same keys cannot deadlock; of one key the first stays.
    INSERT INTO ledger_entry (id, key, code, at, recorded_at, actor_user_id, actor_person_id,
            actor_organisation_id, reason, subject_type, subject_id, transfer_count, request_digest, digest)
        SELECT x.id, x.key, x.code, x.at, v_now, p_user, p_person, p_organisation, x.reason,
               x.subject_type, x.subject_id, x.count, x.request, x.digest
        FROM unnest(v_ids, p_keys, p_codes, p_ats, p_reasons, p_subject_types, p_subject_ids, p_counts, p_requests, v_digests)
            x (id, key, code, at, reason, subject_type, subject_id, count, request, digest)
        ORDER BY x.key, x.id
        ON CONFLICT (key) DO NOTHING;
    GET DIAGNOSTICS i = ROW_COUNT;
    has_repeats := i < n;
    IF has_repeats THEN
        SELECT array_agg(t.id ORDER BY x.ord), array_agg(t.id <> x.id ORDER BY x.ord),
               array_agg(t.request_digest <> x.request ORDER BY x.ord)
            INTO entry_ids, repeated, v_conflicts
            FROM unnest(v_ids, p_keys, p_requests) WITH ORDINALITY x (id, key, request, ord)
            JOIN ledger_entry t ON t.key = x.key;
    ELSE
        entry_ids := v_ids;
        repeated := array_fill(false, ARRAY[n]);
    END IF;

    IF has_holds THEN
        SELECT array_agg(coalesce(h.debit_id, x.debit) ORDER BY x.ord),
               array_agg(coalesce(h.credit_id, x.credit) ORDER BY x.ord),
               array_agg(h.amount ORDER BY x.ord)
            INTO v_debits, v_credits, h_amounts
            FROM unnest(p_holds, p_debits, p_credits) WITH ORDINALITY x (hold, debit, credit, ord)
            LEFT JOIN ledger_transfer h ON h.id = x.hold AND h.phase = 'HOLD';
    END IF;
    SELECT array_agg(a.id), array_agg(a.asset_id), array_agg(a.may_overdraw), array_agg(a.posted),
           array_agg(a.held), array_agg(a.version), array_agg(a.last_hash)
        INTO a_ids, a_assets, a_over, a_posted, a_held, a_version, a_hash
        FROM (SELECT * FROM ledger_account WHERE id = ANY (v_debits || v_credits)
              ORDER BY id FOR NO KEY UPDATE) a;
    SELECT array_agg(sd.slot ORDER BY x.ord), array_agg(sc.slot ORDER BY x.ord) INTO d_slots, c_slots
        FROM unnest(v_debits, v_credits) WITH ORDINALITY x (debit, credit, ord)
        LEFT JOIN unnest(a_ids) WITH ORDINALITY sd (id, slot) ON sd.id = x.debit
        LEFT JOIN unnest(a_ids) WITH ORDINALITY sc (id, slot) ON sc.id = x.credit;
    IF has_holds THEN
        SELECT array_agg(x.hold IS NOT NULL AND (x.turn > 1 OR t.id IS NOT NULL) ORDER BY x.ord) INTO h_resolved
            FROM (SELECT u.hold, u.ord, row_number() OVER (PARTITION BY u.hold ORDER BY u.ord) AS turn
                  FROM unnest(p_holds) WITH ORDINALITY u (hold, ord)) x
            LEFT JOIN ledger_transfer t ON t.hold_of_id = x.hold;
    END IF;

    FOR i IN 1 .. m LOOP
        e := p_entries[i];
        IF e <> e_before THEN
            e_before := e;
            place := 0;
            IF has_repeats AND v_conflicts[e] THEN
                PERFORM ledger_refuse('TL005', jsonb_build_object(
                    'position', e - 1, 'key', p_keys[e], 'entry', entry_ids[e]));
            END IF;
        END IF;
        CONTINUE WHEN has_repeats AND repeated[e];
        place := place + 1;
        v_phase := p_phases[i];
        d := d_slots[i];
        c := c_slots[i];
        v_amount := p_amounts[i];
        IF p_holds[i] IS NOT NULL OR v_phase IN ('POST', 'VOID') THEN
            IF h_amounts[i] IS NULL THEN
                PERFORM ledger_refuse('TL003', jsonb_build_object('position', e - 1, 'hold', p_holds[i]));
            END IF;
            IF h_resolved[i] THEN
                PERFORM ledger_refuse('TL002', jsonb_build_object('position', e - 1, 'hold', p_holds[i]));
            END IF;
            v_amount := coalesce(v_amount, h_amounts[i]);
            IF v_amount > h_amounts[i] THEN
                PERFORM ledger_refuse('TL007', jsonb_build_object(
                    'position', e - 1, 'hold', p_holds[i], 'held', h_amounts[i], 'needed', v_amount));
            END IF;
            v_release := h_amounts[i];
            v_move := CASE WHEN v_phase = 'VOID' THEN 0 ELSE v_amount END;
        ELSIF v_phase = 'HOLD' THEN
            v_release := -v_amount;
            v_move := 0;
        ELSE
            v_release := 0;
            v_move := v_amount;
        END IF;
        IF d IS NULL OR c IS NULL THEN
            PERFORM ledger_refuse('TL006', jsonb_build_object(
                'position', e - 1, 'account', CASE WHEN d IS NULL THEN v_debits[i] ELSE v_credits[i] END));
        END IF;
        IF a_assets[d] <> a_assets[c] THEN
            PERFORM ledger_refuse('TL004', jsonb_build_object(
                'position', e - 1, 'debit', v_debits[i], 'credit', v_credits[i]));
        END IF;
        v_posted := a_posted[d] - v_move;
        v_held := a_held[d] - v_release;
        IF v_posted < v_held AND NOT a_over[d] THEN
            PERFORM ledger_refuse('TL001', (
                SELECT jsonb_build_object('position', e - 1, 'account', v_debits[i],
                    'available', a_posted[d] - a_held[d], 'needed', v_move - v_release,
                    'unit', s.unit, 'pollutant', s.pollutant)
                FROM ledger_asset s WHERE s.id = a_assets[d]));
        END IF;
        IF v_posted < -4000000000000000000 OR v_held > 4000000000000000000 THEN
            PERFORM ledger_refuse('TL008', jsonb_build_object('position', e - 1, 'account', v_debits[i]));
        END IF;
        v_id := entry_ids[e] * 10000 + place;
        v_content := ledger_transfer_content(v_digests[e], v_id, v_phase, v_debits[i], v_credits[i], v_amount, p_holds[i]);
        v_version := a_version[d] + 1;
        v_hash := sha256(a_hash[d] || v_content);
        a_posted[d] := v_posted; a_held[d] := v_held; a_version[d] := v_version; a_hash[d] := v_hash;
        o_ids[i] := v_id; o_entries[i] := entry_ids[e]; o_assets[i] := a_assets[d]; o_amounts[i] := v_amount;
        o_dv[i] := v_version; o_dp[i] := v_posted; o_dh[i] := v_hash;
        IF v_move > 0 THEN
            v_posted := a_posted[c] + v_move;
            IF v_posted > 4000000000000000000 THEN
                PERFORM ledger_refuse('TL008', jsonb_build_object('position', e - 1, 'account', v_credits[i]));
            END IF;
            v_version := a_version[c] + 1;
            v_hash := sha256(a_hash[c] || v_content);
            a_posted[c] := v_posted; a_version[c] := v_version; a_hash[c] := v_hash;
            o_cv[i] := v_version; o_cp[i] := v_posted; o_ch[i] := v_hash;
        END IF;
    END LOOP;

    UPDATE ledger_account a
        SET posted = x.posted, held = x.held, version = x.version, last_hash = x.hash
        FROM unnest(a_ids, a_posted, a_held, a_version, a_hash) x (id, posted, held, version, hash)
        WHERE a.id = x.id AND a.version <> x.version;
    INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
            debit_version, debit_posted, debit_hash, credit_version, credit_posted, credit_hash)
        SELECT x.id, x.entry_id, x.phase, x.asset_id, x.debit_id, x.credit_id, x.amount, x.hold_of,
               x.dv, x.dp, x.dh, x.cv, x.cp, x.ch
        FROM unnest(o_ids, o_entries, p_phases, o_assets, v_debits, v_credits, o_amounts, p_holds,
                    o_dv, o_dp, o_dh, o_cv, o_cp, o_ch)
            x (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of, dv, dp, dh, cv, cp, ch)
        WHERE x.id IS NOT NULL;
    v_writes := set_config('terrace.ledger_writes', 'off', true);
END $$;

CREATE FUNCTION ledger_open_asset(
    p_code text, p_unit text, p_pollutant text, p_region text, p_term_start date, p_term_end date
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_id bigint;
    v_writes text;
BEGIN
    SELECT id INTO v_id FROM ledger_asset WHERE code = p_code;
    IF NOT FOUND THEN
        v_writes := set_config('terrace.ledger_writes', 'on', true);
        INSERT INTO ledger_asset (code, unit, pollutant, region, term_start, term_end)
            VALUES (p_code, p_unit, p_pollutant, p_region, p_term_start, p_term_end)
            ON CONFLICT (code) DO NOTHING;
        v_writes := set_config('terrace.ledger_writes', 'off', true);
        SELECT id INTO v_id FROM ledger_asset WHERE code = p_code;
    END IF;
    RETURN v_id;
END $$;

CREATE FUNCTION ledger_open_account(
    p_owner_type text, p_owner_id text, p_asset bigint, p_kind text, p_may_overdraw boolean,
    OUT account_id bigint, OUT may_overdraw boolean
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_new bigint;
    v_writes text;
BEGIN
    SELECT a.id, a.may_overdraw INTO account_id, may_overdraw FROM ledger_account a
        WHERE a.owner_type = p_owner_type AND a.owner_id = p_owner_id AND a.asset_id = p_asset AND a.kind = p_kind;
    IF NOT FOUND THEN
        v_writes := set_config('terrace.ledger_writes', 'on', true);
        v_new := nextval('ledger_account_id_seq');
        INSERT INTO ledger_account (id, owner_type, owner_id, asset_id, kind, may_overdraw, posted, held, version, last_hash)
            SELECT v_new, p_owner_type, p_owner_id, p_asset, p_kind, p_may_overdraw, 0, 0, 0,
                   ledger_account_seed(v_new, p_owner_type, p_owner_id, s.code, p_kind, p_may_overdraw)
            FROM ledger_asset s WHERE s.id = p_asset
            ON CONFLICT ON CONSTRAINT ledger_account_once DO NOTHING;
        v_writes := set_config('terrace.ledger_writes', 'off', true);
        SELECT a.id, a.may_overdraw INTO account_id, may_overdraw FROM ledger_account a
            WHERE a.owner_type = p_owner_type AND a.owner_id = p_owner_id AND a.asset_id = p_asset AND a.kind = p_kind;
    END IF;
END $$;

-- The writing functions run with the rights of the owner, so their search path must not be the caller's.
DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
             WHERE p.pronamespace = current_schema()::regnamespace AND p.prosecdef AND p.proname LIKE 'ledger\_%'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
    END LOOP;
END $$;
"""

REVERSE = """
DROP FUNCTION ledger_open_account(text, text, bigint, text, boolean);
DROP FUNCTION ledger_open_asset(text, text, text, text, date, date);
DROP FUNCTION ledger_post_many(bigint, bigint, bigint, text[], text[], timestamptz[], text[], text[], text[],
    bytea[], integer[], integer[], text[], bigint[], bigint[], bigint[], bigint[]);
DROP FUNCTION ledger_post_one(text, text, timestamptz, bigint, bigint, bigint, text, text, text, bytea,
    text, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_explain(bigint, bigint, bigint, bigint, bigint, boolean);
DROP FUNCTION ledger_refuse(text, jsonb);
DROP FUNCTION ledger_account_seed(bigint, text, text, text, text, boolean);
DROP FUNCTION ledger_transfer_content(bytea, bigint, text, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_entry_digest(bigint, text, text, timestamptz, timestamptz, bigint, bigint, bigint, text, text,
    text, integer, bytea);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
