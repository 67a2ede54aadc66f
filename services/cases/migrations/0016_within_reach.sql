-- What a page lists is looked for from what the viewer has (units, classes, own cases), not by asking
-- of every row of the organiser whether it may be seen. These functions run as the viewer, under the
-- policies of the tables: they find nothing that the policies would not give, only sooner.

-- 0013's way of remembering, for what was still asked anew by each statement.
DO $$
DECLARE
    asked record;
    defined text;
BEGIN
    FOR asked IN SELECT p.oid, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = 'cases'
                   AND p.proname = ANY ('{protected_pupils,hidden_pupils,hidden_cases}') LOOP
        defined := pg_get_functiondef(asked.oid);
        EXECUTE replace(defined, 'FUNCTION cases.' || asked.proname || '(',
                        'FUNCTION cases.' || asked.proname || '_now(');
        EXECUTE format('REVOKE ALL ON FUNCTION cases.%I() FROM PUBLIC', asked.proname || '_now');
        EXECUTE format('GRANT EXECUTE ON FUNCTION cases.%I() TO forvarning_cases',
                       asked.proname || '_now');
        EXECUTE format($body$
            CREATE OR REPLACE FUNCTION cases.%1$I() RETURNS uuid[] LANGUAGE plpgsql STABLE
            SECURITY DEFINER SET search_path = pg_catalog AS $f$
            DECLARE
                answer text := cases.recall(%1$L);
            BEGIN
                IF answer IS NULL THEN
                    answer := coalesce(cases.%2$I()::text, '{}');
                    PERFORM cases.remember(%1$L, answer);
                END IF;
                RETURN answer::uuid[];
            END $f$ $body$, asked.proname, asked.proname || '_now');
    END LOOP;
END $$;
-- The same answer as 0006 gives, for all of the few protected pupils at once.
CREATE OR REPLACE FUNCTION cases.known_protected_now() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    own uuid[] := cases.units_of('{principal}');
    me uuid := cases.viewer();
    tenant uuid := cases.organiser();
    protected uuid[] := cases.protected_pupils();
BEGIN
    IF cases.is_system() THEN
        RETURN protected;
    END IF;
    RETURN ARRAY(
        SELECT c.pupil_id FROM cases.cases c
        WHERE c.organiser_id = tenant AND c.pupil_id = ANY (protected)
          AND (c.assigned_staff_id = me OR c.school_unit_id = ANY (own)
            OR EXISTS (SELECT FROM cases.case_shares s
                       WHERE s.organiser_id = c.organiser_id AND s.case_id = c.case_id
                         AND s.staff_id = me AND s.ended_at IS NULL)
            OR EXISTS (SELECT FROM cases.openings o
                       WHERE o.organiser_id = c.organiser_id AND o.case_id = c.case_id
                         AND o.staff_id = me AND o.approved_at IS NOT NULL
                         AND o.expires_at > cases.instant()))
        UNION
        SELECT d.pupil_id FROM cases.duties d
        WHERE d.organiser_id = tenant AND d.pupil_id = ANY (protected)
          AND (d.assigned_staff_id = me OR d.school_unit_id = ANY (own))
        UNION
        SELECT l.pupil_id FROM people.placements l
        WHERE cardinality(own) > 0
          AND l.organiser_id = tenant AND l.pupil_id = ANY (protected)
          AND l.school_unit_id = ANY (own) AND l.valid_from <= cases.today()
          AND (l.valid_to IS NULL OR l.valid_to > cases.today()));
END $$;
-- Who is in a mentor's class.
CREATE INDEX ON people.placements (organiser_id, class_id);

-- The open cases that the viewer may see: one arm for each of the policy's ways to a case.
CREATE FUNCTION cases.open_cases_in_reach() RETURNS uuid[] LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    question CONSTANT text := 'open_cases_in_reach';
    answer text := cases.recall(question);
    tenant uuid := cases.organiser();
    me uuid := cases.viewer();
    units uuid[];
    pupils uuid[];
    named uuid[];
    queues uuid[];
    desks uuid[];
    found uuid[];
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer::uuid[];
    END IF;
    units := cases.units_of('{attendance_officer,principal,student_health}');
    pupils := cases.pupils_in_scope();
    named := cases.shared_with_me() || cases.opened_by_me();
    queues := cases.units_of('{coordinator,team_leader}');
    desks := cases.units_of('{organiser_officer}') || cases.units_of('{compulsory_officer}');
    found := ARRAY(SELECT c.case_id FROM cases.cases c
                   WHERE c.organiser_id = tenant AND c.assigned_staff_id = me
                     AND c.state <> 'closed');
    IF cardinality(units) > 0 THEN
        found := found || ARRAY(SELECT c.case_id FROM cases.cases c
                                WHERE c.organiser_id = tenant AND c.school_unit_id = ANY (units)
                                  AND c.state <> 'closed');
    END IF;
    IF cardinality(pupils) > 0 THEN
        found := found || ARRAY(SELECT c.case_id FROM cases.cases c
                                WHERE c.organiser_id = tenant AND c.pupil_id = ANY (pupils)
                                  AND c.state <> 'closed');
    END IF;
    IF cardinality(named) > 0 THEN
        found := found || ARRAY(SELECT c.case_id FROM cases.cases c
                                WHERE c.organiser_id = tenant AND c.case_id = ANY (named)
                                  AND c.state <> 'closed');
    END IF;
    IF cardinality(queues) > 0 THEN
        found := found || ARRAY(SELECT c.case_id FROM cases.cases c
                                WHERE c.organiser_id = tenant AND c.school_unit_id = ANY (queues)
                                  AND c.assigned_staff_id IS NULL AND c.state <> 'closed');
    END IF;
    IF cardinality(desks) > 0 THEN
        found := found || ARRAY(SELECT c.case_id FROM cases.cases c
                                WHERE c.organiser_id = tenant AND c.school_unit_id = ANY (desks)
                                  AND c.reported_at IS NOT NULL AND c.state <> 'closed');
    END IF;
    found := ARRAY(SELECT DISTINCT unnest(found));
    PERFORM cases.remember(question, found::text);
    RETURN found;
END $$;

-- What is to be done and the viewer may see: by the duty's own place and holder, and by its case.
-- An open duty stands where its case stands (store/duties.py: follow_case), closed or not.
CREATE FUNCTION cases.open_duties_in_reach() RETURNS uuid[] LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    question CONSTANT text := 'open_duties_in_reach';
    answer text := cases.recall(question);
    tenant uuid := cases.organiser();
    me uuid := cases.viewer();
    units uuid[];
    pupils uuid[];
    queues uuid[];
    desks uuid[];
    held uuid[];
    found uuid[];
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer::uuid[];
    END IF;
    units := cases.units_of('{attendance_officer,principal,student_health}');
    pupils := cases.pupils_in_scope();
    queues := cases.units_of('{coordinator,team_leader}');
    desks := cases.units_of('{organiser_officer}') || cases.units_of('{compulsory_officer}');
    held := cases.open_cases_in_reach() || cases.shared_with_me() || cases.opened_by_me()
        -- Closed ones that still ask for something.
        || ARRAY(SELECT c.case_id FROM cases.cases c
                 WHERE c.organiser_id = tenant AND c.assigned_staff_id = me AND c.state = 'closed'
                   AND NOT c.school_unit_id = ANY (units));
    IF cardinality(queues) > 0 THEN
        held := held || ARRAY(SELECT c.case_id FROM cases.cases c
                              WHERE c.organiser_id = tenant AND c.school_unit_id = ANY (queues)
                                AND c.assigned_staff_id IS NULL AND c.state = 'closed');
    END IF;
    IF cardinality(desks) > 0 THEN
        held := held || ARRAY(SELECT c.case_id FROM cases.cases c
                              WHERE c.organiser_id = tenant AND c.school_unit_id = ANY (desks)
                                AND c.reported_at IS NOT NULL AND c.state = 'closed');
    END IF;
    found := ARRAY(SELECT d.duty_id FROM cases.duties d
                   WHERE d.organiser_id = tenant AND d.assigned_staff_id = me
                     AND d.done_at IS NULL);
    IF cardinality(units) > 0 THEN
        found := found || ARRAY(SELECT d.duty_id FROM cases.duties d
                                WHERE d.organiser_id = tenant AND d.school_unit_id = ANY (units)
                                  AND d.done_at IS NULL);
    END IF;
    IF cardinality(pupils) > 0 THEN
        found := found || ARRAY(SELECT d.duty_id FROM cases.duties d
                                WHERE d.organiser_id = tenant AND d.pupil_id = ANY (pupils)
                                  AND d.done_at IS NULL);
    END IF;
    IF cardinality(queues) > 0 THEN
        found := found || ARRAY(SELECT d.duty_id FROM cases.duties d
                                WHERE d.organiser_id = tenant AND d.school_unit_id = ANY (queues)
                                  AND d.assigned_staff_id IS NULL AND d.done_at IS NULL);
    END IF;
    IF cardinality(held) > 0 THEN
        found := found || ARRAY(SELECT d.duty_id FROM cases.duties d
                                WHERE d.organiser_id = tenant AND d.case_id = ANY (held)
                                  AND d.done_at IS NULL);
    END IF;
    found := ARRAY(SELECT DISTINCT unnest(found));
    PERFORM cases.remember(question, found::text);
    RETURN found;
END $$;

-- The same-day threads that the viewer may see with an episode raised in these days: by where the
-- pupil was, by whose class it is, and by the open case. Asked in the other order, of every episode
-- of the day whether its thread may be seen, it costs what the whole organiser has.
CREATE FUNCTION cases.unexcused_in_reach(first_day date, last_day date, for_year integer)
RETURNS uuid[] LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    tenant uuid := cases.organiser();
    units uuid[] := cases.units_of('{attendance_officer,principal,student_health}');
    pupils uuid[] := cases.pupils_in_scope();
    held uuid[] := cases.open_cases_in_reach() || cases.shared_with_me() || cases.opened_by_me();
    near uuid[] := '{}';
BEGIN
    IF cardinality(units) > 0 THEN
        near := near || ARRAY(SELECT w.thread_id FROM cases.warnings w
                              WHERE w.organiser_id = tenant AND w.family = 'unexcused_today'
                                AND w.school_year = for_year AND w.school_unit_id = ANY (units));
    END IF;
    IF cardinality(pupils) > 0 THEN
        near := near || ARRAY(SELECT w.thread_id FROM cases.warnings w
                              WHERE w.organiser_id = tenant AND w.family = 'unexcused_today'
                                AND w.school_year = for_year AND w.pupil_id = ANY (pupils));
    END IF;
    IF cardinality(held) > 0 THEN
        near := near || ARRAY(SELECT w.thread_id FROM cases.warnings w
                              WHERE w.organiser_id = tenant AND w.family = 'unexcused_today'
                                AND w.school_year = for_year AND w.case_id = ANY (held));
    END IF;
    RETURN ARRAY(SELECT DISTINCT e.thread_id FROM cases.episodes e
                 WHERE e.organiser_id = tenant AND e.thread_id = ANY (near)
                   AND e.raised_day BETWEEN first_day AND last_day);
END $$;
CREATE INDEX ON cases.warnings (organiser_id, school_unit_id, school_year)
    WHERE family = 'unexcused_today';

REVOKE ALL ON FUNCTION cases.open_cases_in_reach(), cases.open_duties_in_reach(),
    cases.unexcused_in_reach(date, date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.open_cases_in_reach(), cases.open_duties_in_reach(),
    cases.unexcused_in_reach(date, date, integer) TO forvarning_cases;

CREATE INDEX ON cases.duties (organiser_id, school_unit_id) WHERE done_at IS NULL;
CREATE INDEX ON cases.duties (organiser_id, assigned_staff_id) WHERE done_at IS NULL;
CREATE INDEX ON cases.duties (organiser_id, pupil_id) WHERE done_at IS NULL;
-- The koordinatorers' queue.
CREATE INDEX ON cases.entries (organiser_id) WHERE kind = 'coordination_request' AND status = 'ordered';
