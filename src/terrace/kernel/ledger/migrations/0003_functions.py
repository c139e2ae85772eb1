"""The functions that write the ledger. Python calls them; nothing else writes these tables (ADR 0004).

`ledger_post_one` is the hot path: one entry with one movement. `ledger_post_many` takes any number of entries
with any number of movements, in a fixed number of statements. Both refuse the same things in the same order;
tests/invariants/test_ledger_histories.py holds them against each other and against a model in Python.

Order of refusals of one movement: key reused (TL005); hold unknown (TL003), resolved (TL002), exceeded (TL007);
debit account unknown, credit account unknown (TL006); other asset (TL004); balance (TL001); limit (TL008).
Refusals carry their facts as JSON in DETAIL. Movements out of shape (no amount, one account twice) come only from
a program that went past `rules.py`: they end with a check_violation.
"""

from django.db import migrations

SQL = r"""
CREATE FUNCTION ledger_entry_content(
    p_at timestamptz, p_recorded_at timestamptz, p_request bytea, p_key text, p_code text, p_user bigint,
    p_person bigint, p_organisation bigint, p_reason text, p_subject_type text, p_subject_id text, p_count integer
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT timestamptz_send(p_at) || timestamptz_send(p_recorded_at) || p_request
        || convert_to(ROW(p_key, p_code, p_user, p_person, p_organisation, p_reason, p_subject_type,
                          p_subject_id, p_count)::text, 'UTF8')
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

-- The entry that the key belongs to; nothing where it is new. Refuses other content under the same key.
CREATE FUNCTION ledger_first_answer(p_key text, p_request bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v_id bigint;
    v_request bytea;
BEGIN
    SELECT t.id, t.request_digest INTO v_id, v_request FROM ledger_transfer t WHERE t.key = p_key;
    IF v_request <> p_request THEN
        PERFORM ledger_refuse('TL005', jsonb_build_object('key', p_key, 'entry', v_id));
    END IF;
    RETURN v_id;
END $$;

-- Why no transfer could be written. Takes the locks, so that after a silent return the same statement succeeds.
CREATE FUNCTION ledger_explain(
    p_debit bigint, p_credit bigint, p_move bigint, p_release bigint, p_hold bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    d record;
    c record;
BEGIN
    PERFORM 1 FROM ledger_account WHERE id IN (p_debit, p_credit) ORDER BY id FOR NO KEY UPDATE;
    SELECT a.*, s.unit, s.pollutant INTO d FROM ledger_account a JOIN ledger_asset s ON s.id = a.asset_id
        WHERE a.id = p_debit;
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
    IF NOT d.may_overdraw AND d.posted - d.held < p_move - p_release THEN
        PERFORM ledger_refuse('TL001', jsonb_build_object(
            'account', p_debit, 'available', d.posted - d.held, 'needed', p_move - p_release,
            'unit', d.unit, 'pollutant', d.pollutant));
    END IF;
    IF d.posted - p_move < -4000000000000000000 OR d.held - p_release > 4000000000000000000 THEN
        PERFORM ledger_refuse('TL008', jsonb_build_object('account', p_debit));
    END IF;
    IF c.posted + p_move > 4000000000000000000 THEN
        PERFORM ledger_refuse('TL008', jsonb_build_object('account', p_credit));
    END IF;
    IF d.held < p_release THEN
        RAISE EXCEPTION 'account % holds less than its open hold %: run terrace verify', p_debit, p_hold
            USING ERRCODE = 'data_corrupted';
    END IF;
END $$;

-- Takes back what a statement did to one account before its transfer met a key that was there already.
CREATE FUNCTION ledger_take_back(p_account bigint, p_transfer bigint, p_posted bigint, p_held bigint)
RETURNS void LANGUAGE sql AS $$
    UPDATE ledger_account a
        SET posted = a.posted + p_posted, held = a.held + p_held, version = a.version - 1,
            last_transfer_id = a.before_transfer_id,
            last_hash = coalesce(
                (SELECT CASE WHEN t.debit_id = a.id THEN t.debit_hash ELSE t.credit_hash END
                 FROM ledger_transfer t WHERE t.id = a.before_transfer_id),
                ledger_account_seed(a.id, a.owner_type, a.owner_id,
                    (SELECT s.code FROM ledger_asset s WHERE s.id = a.asset_id), a.kind, a.may_overdraw))
        WHERE a.id = p_account AND a.last_transfer_id = p_transfer
$$;

-- Answers the number of the entry; negative where the key was there and nothing was done.
CREATE FUNCTION ledger_post_one(
    p_key text, p_code text, p_at timestamptz, p_user bigint, p_person bigint, p_organisation bigint,
    p_reason text, p_subject_type text, p_subject_id text, p_request bytea,
    p_phase text, p_debit bigint, p_credit bigint, p_amount bigint, p_hold bigint
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_id bigint := nextval('ledger_entry_number') * 10000;
    v_content bytea;
    v_debit bigint := p_debit;
    v_credit bigint := p_credit;
    v_amount bigint := p_amount;
    v_move bigint := p_amount;
    v_release bigint := 0;
    v_first bigint;
    v_hold_amount bigint;
    v_writes text := set_config('terrace.ledger_writes', 'on', true);
BEGIN
    IF p_phase = 'DIRECT' THEN
        NULL;
    ELSIF p_phase = 'HOLD' THEN
        v_move := 0;
        v_release := -p_amount;
    ELSE
        v_first := ledger_first_answer(p_key, p_request);
        IF v_first IS NOT NULL THEN
            v_writes := set_config('terrace.ledger_writes', 'off', true);
            RETURN -v_first;
        END IF;
        SELECT h.debit_id, h.credit_id, h.amount INTO v_debit, v_credit, v_hold_amount
            FROM ledger_transfer h WHERE h.id = p_hold AND h.phase = 'HOLD';
        IF NOT FOUND THEN
            PERFORM ledger_refuse('TL003', jsonb_build_object('hold', p_hold));
        END IF;
        -- Whoever resolves this hold has the lock of its debit account, so the look after it is the last word.
        PERFORM 1 FROM ledger_account a WHERE a.id IN (v_debit, v_credit) ORDER BY a.id FOR NO KEY UPDATE;
        v_first := ledger_first_answer(p_key, p_request);
        IF v_first IS NOT NULL THEN
            v_writes := set_config('terrace.ledger_writes', 'off', true);
            RETURN -v_first;
        END IF;
        IF EXISTS (SELECT 1 FROM ledger_transfer t WHERE t.hold_of_id = p_hold) THEN
            PERFORM ledger_refuse('TL002', jsonb_build_object('hold', p_hold));
        END IF;
        v_release := v_hold_amount;
        IF p_phase = 'VOID' THEN
            v_amount := v_hold_amount;
            v_move := 0;
        ELSE
            v_amount := coalesce(p_amount, v_hold_amount);
            v_move := v_amount;
            IF v_amount > v_hold_amount THEN
                PERFORM ledger_refuse('TL007', jsonb_build_object(
                    'hold', p_hold, 'held', v_hold_amount, 'needed', v_amount));
            END IF;
        END IF;
    END IF;
    IF NOT coalesce(v_amount BETWEEN 1 AND 100000000000000000 AND v_debit <> v_credit
            AND p_phase IN ('DIRECT', 'HOLD', 'POST', 'VOID') AND (p_hold IS NULL OR p_phase IN ('POST', 'VOID')), false) THEN
        RAISE EXCEPTION 'a movement of the ledger is out of shape' USING ERRCODE = 'check_violation';
    END IF;
    v_content := ledger_transfer_content(
        sha256(ledger_entry_content(p_at, v_now, p_request, p_key, p_code, p_user, p_person, p_organisation,
                                      p_reason, p_subject_type, p_subject_id, 1)),
        v_id, p_phase, v_debit, v_credit, v_amount, p_hold);

    -- One statement: the second update waits for the row of the first, so the accounts are locked in the order of
    -- their numbers and opposite transfers cannot deadlock.
    LOOP
        IF v_move = 0 THEN
            WITH d AS (
                UPDATE ledger_account a SET held = a.held - v_release, version = a.version + 1,
                        last_hash = sha256(a.last_hash || v_content),
                        before_transfer_id = a.last_transfer_id, last_transfer_id = v_id
                    FROM ledger_account c
                    WHERE a.id = v_debit AND c.id = v_credit AND a.asset_id = c.asset_id
                        AND (a.may_overdraw OR a.posted - a.held >= - v_release)
                        AND a.held >= v_release AND a.held - v_release <= 4000000000000000000
                    RETURNING a.asset_id, a.posted, a.version, a.last_hash, a.before_transfer_id)
            INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
                    debit_version, debit_posted, debit_hash, debit_before_id,
                    key, code, at, recorded_at, actor_user_id, actor_person_id, actor_organisation_id, reason,
                    subject_type, subject_id, transfer_count, request_digest)
                SELECT v_id, v_id, p_phase, d.asset_id, v_debit, v_credit, v_amount, p_hold,
                    d.version, d.posted, d.last_hash, d.before_transfer_id,
                    p_key, p_code, p_at, v_now, p_user, p_person, p_organisation, p_reason,
                    p_subject_type, p_subject_id, 1, p_request FROM d
                ON CONFLICT (key) DO NOTHING;
        ELSIF v_debit < v_credit THEN
            WITH d AS (
                UPDATE ledger_account a SET posted = a.posted - v_move, held = a.held - v_release,
                        version = a.version + 1, last_hash = sha256(a.last_hash || v_content),
                        before_transfer_id = a.last_transfer_id, last_transfer_id = v_id
                    WHERE a.id = v_debit AND (a.may_overdraw OR a.posted - a.held >= v_move - v_release)
                        AND a.held >= v_release AND a.posted - v_move >= -4000000000000000000
                    RETURNING a.asset_id, a.posted, a.version, a.last_hash, a.before_transfer_id),
            c AS (
                UPDATE ledger_account a SET posted = a.posted + v_move, version = a.version + 1,
                        last_hash = sha256(a.last_hash || v_content),
                        before_transfer_id = a.last_transfer_id, last_transfer_id = v_id
                    FROM d WHERE a.id = v_credit AND a.asset_id = d.asset_id
                        AND a.posted + v_move <= 4000000000000000000
                    RETURNING a.posted, a.version, a.last_hash, a.before_transfer_id)
            INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
                    debit_version, debit_posted, debit_hash, debit_before_id,
                    credit_version, credit_posted, credit_hash, credit_before_id,
                    key, code, at, recorded_at, actor_user_id, actor_person_id, actor_organisation_id, reason,
                    subject_type, subject_id, transfer_count, request_digest)
                SELECT v_id, v_id, p_phase, d.asset_id, v_debit, v_credit, v_amount, p_hold,
                    d.version, d.posted, d.last_hash, d.before_transfer_id,
                    c.version, c.posted, c.last_hash, c.before_transfer_id,
                    p_key, p_code, p_at, v_now, p_user, p_person, p_organisation, p_reason,
                    p_subject_type, p_subject_id, 1, p_request FROM d, c
                ON CONFLICT (key) DO NOTHING;
        ELSE
            WITH c AS (
                UPDATE ledger_account a SET posted = a.posted + v_move, version = a.version + 1,
                        last_hash = sha256(a.last_hash || v_content),
                        before_transfer_id = a.last_transfer_id, last_transfer_id = v_id
                    WHERE a.id = v_credit AND a.posted + v_move <= 4000000000000000000
                    RETURNING a.asset_id, a.posted, a.version, a.last_hash, a.before_transfer_id),
            d AS (
                UPDATE ledger_account a SET posted = a.posted - v_move, held = a.held - v_release,
                        version = a.version + 1, last_hash = sha256(a.last_hash || v_content),
                        before_transfer_id = a.last_transfer_id, last_transfer_id = v_id
                    FROM c WHERE a.id = v_debit AND (a.may_overdraw OR a.posted - a.held >= v_move - v_release)
                        AND a.held >= v_release AND a.posted - v_move >= -4000000000000000000
                        AND a.asset_id = c.asset_id
                    RETURNING a.posted, a.version, a.last_hash, a.before_transfer_id)
            INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
                    debit_version, debit_posted, debit_hash, debit_before_id,
                    credit_version, credit_posted, credit_hash, credit_before_id,
                    key, code, at, recorded_at, actor_user_id, actor_person_id, actor_organisation_id, reason,
                    subject_type, subject_id, transfer_count, request_digest)
                SELECT v_id, v_id, p_phase, c.asset_id, v_debit, v_credit, v_amount, p_hold,
                    d.version, d.posted, d.last_hash, d.before_transfer_id,
                    c.version, c.posted, c.last_hash, c.before_transfer_id,
                    p_key, p_code, p_at, v_now, p_user, p_person, p_organisation, p_reason,
                    p_subject_type, p_subject_id, 1, p_request FROM d, c
                ON CONFLICT (key) DO NOTHING;
        END IF;
        IF FOUND THEN
            v_writes := set_config('terrace.ledger_writes', 'off', true);
            RETURN v_id;
        END IF;
        -- Rare: the key was there, or a side could not be changed while the other one may have been.
        IF v_move > 0 THEN
            PERFORM ledger_take_back(v_credit, v_id, -v_move, 0);
        END IF;
        PERFORM ledger_take_back(v_debit, v_id, v_move, v_release);
        v_first := ledger_first_answer(p_key, p_request);
        IF v_first IS NOT NULL THEN
            v_writes := set_config('terrace.ledger_writes', 'off', true);
            RETURN -v_first;
        END IF;
        PERFORM ledger_explain(v_debit, v_credit, v_move, v_release, p_hold);
    END LOOP;
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
    v_digests bytea[];
    v_conflicts boolean[];
    v_debits bigint[] := p_debits;
    v_credits bigint[] := p_credits;
    v_kinds integer[];
    h_amounts bigint[];
    h_resolved boolean[];
    a_ids bigint[]; a_assets bigint[]; a_over boolean[]; a_posted bigint[]; a_held bigint[];
    a_version bigint[]; a_hash bytea[]; a_last bigint[]; a_before bigint[];
    d_slots integer[]; c_slots integer[];
    -- Full length from the start: an array that begins at its second element would be unnested from there.
    o_none bigint[] := array_fill(NULL::bigint, ARRAY[m]);
    o_ids bigint[] := o_none; o_assets bigint[] := o_none; o_amounts bigint[] := o_none;
    o_dv bigint[] := o_none; o_dp bigint[] := o_none; o_dh bytea[] := array_fill(NULL::bytea, ARRAY[m]); o_db bigint[] := o_none;
    o_cv bigint[] := o_none; o_cp bigint[] := o_none; o_ch bytea[] := array_fill(NULL::bytea, ARRAY[m]); o_cb bigint[] := o_none;
    i integer; e integer; e_before integer := 0; place integer; written integer := 0;
    d integer; c integer;
    v_kind integer; v_amount bigint; v_move bigint; v_release bigint; v_id bigint; v_content bytea; v_hash bytea;
    v_posted bigint; v_held bigint; v_version bigint;
    v_writes text := set_config('terrace.ledger_writes', 'on', true);
BEGIN
    IF EXISTS (SELECT 1 FROM unnest(p_phases, p_debits, p_credits, p_amounts, p_holds) x (phase, debit, credit, amount, hold)
               WHERE CASE WHEN x.phase IN ('DIRECT', 'HOLD') THEN x.hold IS NOT NULL OR x.debit IS NULL OR x.credit IS NULL
                              OR x.debit = x.credit OR x.amount IS NULL
                          ELSE x.phase IS NULL OR x.phase NOT IN ('POST', 'VOID') END
                  OR x.amount NOT BETWEEN 1 AND 100000000000000000) THEN
        RAISE EXCEPTION 'a movement of the ledger is out of shape' USING ERRCODE = 'check_violation';
    END IF;
    SELECT array_agg(CASE x.phase WHEN 'DIRECT' THEN 1 WHEN 'HOLD' THEN 2 WHEN 'POST' THEN 3 ELSE 4 END ORDER BY x.ord)
        INTO v_kinds FROM unnest(p_phases) WITH ORDINALITY x (phase, ord);
    IF has_holds THEN
        SELECT array_agg(coalesce(h.debit_id, x.debit) ORDER BY x.ord),
               array_agg(coalesce(h.credit_id, x.credit) ORDER BY x.ord),
               array_agg(h.amount ORDER BY x.ord)
            INTO v_debits, v_credits, h_amounts
            FROM unnest(p_holds, p_debits, p_credits) WITH ORDINALITY x (hold, debit, credit, ord)
            LEFT JOIN ledger_transfer h ON h.id = x.hold AND h.phase = 'HOLD';
    END IF;
    SELECT array_agg(a.id), array_agg(a.asset_id), array_agg(a.may_overdraw), array_agg(a.posted),
           array_agg(a.held), array_agg(a.version), array_agg(a.last_hash), array_agg(a.last_transfer_id),
           array_agg(a.before_transfer_id)
        INTO a_ids, a_assets, a_over, a_posted, a_held, a_version, a_hash, a_last, a_before
        FROM (SELECT * FROM ledger_account WHERE id = ANY (v_debits || v_credits)
              ORDER BY id FOR NO KEY UPDATE) a;
    SELECT array_agg(sd.slot ORDER BY x.ord), array_agg(sc.slot ORDER BY x.ord) INTO d_slots, c_slots
        FROM unnest(v_debits, v_credits) WITH ORDINALITY x (debit, credit, ord)
        LEFT JOIN unnest(a_ids) WITH ORDINALITY sd (id, slot) ON sd.id = x.debit
        LEFT JOIN unnest(a_ids) WITH ORDINALITY sc (id, slot) ON sc.id = x.credit;

    -- Of one key the first entry counts: one of the table, else the first of this batch.
    SELECT array_agg(f.id ORDER BY f.ord), array_agg(f.old OR f.turn > 1 ORDER BY f.ord),
           array_agg(f.request <> f.first_request ORDER BY f.ord), bool_or(f.old OR f.turn > 1),
           array_agg(f.digest ORDER BY f.ord)
        INTO entry_ids, repeated, v_conflicts, has_repeats, v_digests
        FROM (SELECT x.ord, x.request, t.id IS NOT NULL AS old, x.turn,
                     coalesce(t.id, first_value(x.fresh) OVER w) AS id,
                     coalesce(t.request_digest, first_value(x.request) OVER w) AS first_request,
                     sha256(ledger_entry_content(x.at, v_now, x.request, x.key, x.code, p_user, p_person, p_organisation,
                            x.reason, x.subject_type, x.subject_id, x.count)) AS digest
              FROM (SELECT y.*, row_number() OVER (PARTITION BY y.key ORDER BY y.ord) AS turn
                    FROM (SELECT z.*, nextval('ledger_entry_number') * 10000 AS fresh
                          FROM unnest(p_keys, p_codes, p_ats, p_reasons, p_subject_types, p_subject_ids, p_counts, p_requests)
                              WITH ORDINALITY z (key, code, at, reason, subject_type, subject_id, count, request, ord)) y) x
              LEFT JOIN ledger_transfer t ON t.key = x.key
              WINDOW w AS (PARTITION BY x.key ORDER BY x.ord)) f;

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
            place := -1;
            IF has_repeats AND v_conflicts[e] THEN
                PERFORM ledger_refuse('TL005', jsonb_build_object(
                    'position', e - 1, 'key', p_keys[e], 'entry', entry_ids[e]));
            END IF;
        END IF;
        CONTINUE WHEN has_repeats AND repeated[e];
        place := place + 1;
        v_kind := v_kinds[i];
        d := d_slots[i];
        c := c_slots[i];
        v_amount := p_amounts[i];
        IF v_kind >= 3 THEN
            IF h_amounts IS NULL OR h_amounts[i] IS NULL THEN
                PERFORM ledger_refuse('TL003', jsonb_build_object('position', e - 1, 'hold', p_holds[i]));
            END IF;
            IF h_resolved[i] THEN
                PERFORM ledger_refuse('TL002', jsonb_build_object('position', e - 1, 'hold', p_holds[i]));
            END IF;
            v_amount := CASE WHEN v_kind = 4 THEN h_amounts[i] ELSE coalesce(v_amount, h_amounts[i]) END;
            IF v_amount > h_amounts[i] THEN
                PERFORM ledger_refuse('TL007', jsonb_build_object(
                    'position', e - 1, 'hold', p_holds[i], 'held', h_amounts[i], 'needed', v_amount));
            END IF;
            v_release := h_amounts[i];
            v_move := CASE WHEN v_kind = 4 THEN 0 ELSE v_amount END;
        ELSIF v_kind = 2 THEN
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
        IF v_held < 0 THEN
            RAISE EXCEPTION 'account % holds less than its open hold %: run terrace verify', v_debits[i], p_holds[i]
                USING ERRCODE = 'data_corrupted';
        END IF;
        v_id := entry_ids[e] + place;
        v_content := ledger_transfer_content(v_digests[e], v_id, p_phases[i], v_debits[i], v_credits[i], v_amount, p_holds[i]);
        v_version := a_version[d] + 1;
        v_hash := sha256(a_hash[d] || v_content);
        o_ids[i] := v_id; o_assets[i] := a_assets[d]; o_amounts[i] := v_amount;
        o_dv[i] := v_version; o_dp[i] := v_posted; o_dh[i] := v_hash; o_db[i] := a_last[d];
        a_posted[d] := v_posted; a_held[d] := v_held; a_version[d] := v_version; a_hash[d] := v_hash;
        a_before[d] := a_last[d]; a_last[d] := v_id;
        IF v_move > 0 THEN
            v_posted := a_posted[c] + v_move;
            IF v_posted > 4000000000000000000 THEN
                PERFORM ledger_refuse('TL008', jsonb_build_object('position', e - 1, 'account', v_credits[i]));
            END IF;
            v_version := a_version[c] + 1;
            v_hash := sha256(a_hash[c] || v_content);
            o_cv[i] := v_version; o_cp[i] := v_posted; o_ch[i] := v_hash; o_cb[i] := a_last[c];
            a_posted[c] := v_posted; a_version[c] := v_version; a_hash[c] := v_hash;
            a_before[c] := a_last[c]; a_last[c] := v_id;
        END IF;
        written := written + 1;
    END LOOP;

    UPDATE ledger_account a
        SET posted = x.posted, held = x.held, version = x.version, last_hash = x.hash,
            last_transfer_id = x.last, before_transfer_id = x.before
        FROM unnest(a_ids, a_posted, a_held, a_version, a_hash, a_last, a_before)
            x (id, posted, held, version, hash, last, before)
        WHERE a.id = x.id AND a.version <> x.version;
    -- In the order of the keys, so that two batches with the same keys cannot deadlock.
    INSERT INTO ledger_transfer (id, entry_id, phase, asset_id, debit_id, credit_id, amount, hold_of_id,
            debit_version, debit_posted, debit_hash, debit_before_id,
            credit_version, credit_posted, credit_hash, credit_before_id,
            key, code, at, recorded_at, actor_user_id, actor_person_id, actor_organisation_id, reason,
            subject_type, subject_id, transfer_count, request_digest)
        SELECT x.id, x.id - x.id % 10000, x.phase, x.asset_id, x.debit_id, x.credit_id, x.amount, x.hold_of,
               x.dv, x.dp, x.dh, x.db, x.cv, x.cp, x.ch, x.cb,
               y.key, y.code, y.at, y.recorded_at, y.actor, y.person, y.organisation, y.reason,
               y.subject_type, y.subject_id, y.count, y.request
        FROM unnest(o_ids, p_phases, o_assets, v_debits, v_credits, o_amounts, p_holds,
                    o_dv, o_dp, o_dh, o_db, o_cv, o_cp, o_ch, o_cb)
            x (id, phase, asset_id, debit_id, credit_id, amount, hold_of, dv, dp, dh, db, cv, cp, ch, cb)
        LEFT JOIN (
            SELECT z.id, z.key, z.code, z.at, v_now AS recorded_at, p_user AS actor, p_person AS person,
                   p_organisation AS organisation, z.reason, z.subject_type, z.subject_id, z.count, z.request
            FROM unnest(entry_ids, repeated, p_keys, p_codes, p_ats, p_reasons, p_subject_types, p_subject_ids, p_counts, p_requests)
                z (id, again, key, code, at, reason, subject_type, subject_id, count, request)
            WHERE NOT z.again) y ON y.id = x.id
        WHERE x.id IS NOT NULL
        ORDER BY y.key, x.id
        ON CONFLICT (key) DO NOTHING;
    GET DIAGNOSTICS i = ROW_COUNT;
    IF i <> written THEN
        RAISE EXCEPTION 'a key of this batch was used by another one in the same moment: send it again'
            USING ERRCODE = 'serialization_failure';
    END IF;
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
DROP FUNCTION ledger_take_back(bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_explain(bigint, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_first_answer(text, bytea);
DROP FUNCTION ledger_refuse(text, jsonb);
DROP FUNCTION ledger_account_seed(bigint, text, text, text, text, boolean);
DROP FUNCTION ledger_transfer_content(bytea, bigint, text, bigint, bigint, bigint, bigint);
DROP FUNCTION ledger_entry_content(timestamptz, timestamptz, bytea, text, text, bigint, bigint, bigint, text, text,
    text, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]
    operations = [migrations.RunSQL(SQL, REVERSE)]
