-- Row-level security and grants. A table without both fails tests/integration/cases/test_rls.py.

DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'cases' AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    END LOOP;
END $$;

-- The service's own work: one organiser at a time.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organiser_id'
             WHERE n.nspname = 'cases' AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('CREATE POLICY system ON %s TO forvarning_cases '
            'USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system())) '
            'WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()))',
            t);
    END LOOP;
END $$;
-- These two belong to no organiser yet: an unreadable message, a sign-in that failed.
CREATE POLICY system ON cases.dead_letters TO forvarning_cases
    USING ((SELECT cases.is_system())) WITH CHECK ((SELECT cases.is_system()));
CREATE POLICY system ON cases.login_failures TO forvarning_cases
    USING ((SELECT cases.is_system())) WITH CHECK ((SELECT cases.is_system()));

-- People: their own cases, those of the units and pupils that their duties cover, and for a
-- coordinator the unassigned ones of the area.
CREATE POLICY people_read ON cases.cases FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR (assigned_staff_id IS NULL
            AND school_unit_id = ANY ((SELECT cases.units_of('{coordinator}'))::uuid[]))));
-- Deciding is for whom the case stands with, the unit's officers and its rektor.
CREATE POLICY people_decide ON cases.cases FOR UPDATE TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal}'))::uuid[])))
    WITH CHECK (organiser_id = (SELECT cases.organiser()));

CREATE POLICY people_read ON cases.duties FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR (assigned_staff_id IS NULL
            AND school_unit_id = ANY ((SELECT cases.units_of('{coordinator}'))::uuid[]))));
CREATE POLICY people_decide ON cases.duties FOR UPDATE TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal}'))::uuid[])))
    WITH CHECK (organiser_id = (SELECT cases.organiser()));

CREATE POLICY people_read ON cases.warnings FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR (case_id IS NOT NULL AND EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = warnings.organiser_id AND c.case_id = warnings.case_id))));
CREATE POLICY people_read ON cases.episodes FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND EXISTS (
        SELECT FROM cases.warnings w
        WHERE w.organiser_id = episodes.organiser_id AND w.thread_id = episodes.thread_id));

CREATE POLICY people_read ON cases.deliveries FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR pupil_id IN (SELECT c.pupil_id FROM cases.cases c
                        WHERE c.organiser_id = (SELECT cases.organiser()))));

CREATE POLICY people_read ON cases.case_events FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND EXISTS (
        SELECT FROM cases.cases c
        WHERE c.organiser_id = case_events.organiser_id AND c.case_id = case_events.case_id));
CREATE POLICY people_write ON cases.case_events FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser()) AND actor_staff_id = (SELECT cases.viewer())
    AND EXISTS (
        SELECT FROM cases.cases c
        WHERE c.organiser_id = case_events.organiser_id AND c.case_id = case_events.case_id));

CREATE POLICY people_read ON cases.comments FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND EXISTS (
        SELECT FROM cases.cases c
        WHERE c.organiser_id = comments.organiser_id AND c.case_id = comments.case_id));
CREATE POLICY people_write ON cases.comments FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser()) AND author_staff_id = (SELECT cases.viewer())
    AND EXISTS (
        SELECT FROM cases.cases c
        WHERE c.organiser_id = comments.organiser_id AND c.case_id = comments.case_id));

-- The calendar of a pupil whose case one may see.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'cases' AND c.relname LIKE 'absence\_days%'
               AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('CREATE POLICY people_read ON %1$s FOR SELECT TO forvarning_cases USING ('
            'organiser_id = (SELECT cases.organiser()) AND pupil_id IN ('
            'SELECT c.pupil_id FROM cases.cases c WHERE c.organiser_id = (SELECT cases.organiser())'
            '))', t);
    END LOOP;
END $$;

-- What people do is told onwards and written down; they read neither.
CREATE POLICY people_write ON cases.outbox FOR INSERT TO forvarning_cases
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.viewer()) IS NOT NULL);
CREATE POLICY people_write ON cases.audit FOR INSERT TO forvarning_cases
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND staff_id = (SELECT cases.viewer()));
CREATE POLICY people_chain ON cases.audit_heads TO forvarning_cases
    USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.viewer()) IS NOT NULL)
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.viewer()) IS NOT NULL);

-- The outbox publisher asks which organisers wait, and signing in asks whose login it is, before
-- an organiser is known. Both questions are functions of the owner with narrow answers.
CREATE POLICY owner_asks ON cases.outbox FOR SELECT TO forvarning_owner USING (true);
CREATE POLICY owner_asks ON cases.accounts FOR SELECT TO forvarning_owner USING (true);

CREATE FUNCTION cases.organisers_with_outbox() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT DISTINCT organiser_id FROM cases.outbox WHERE published_at IS NULL $$;

CREATE FUNCTION cases.organiser_of_login(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS
$$ SELECT organiser_id FROM cases.accounts WHERE login = wanted $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cases FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cases TO forvarning_cases;

-- No DELETE and no TRUNCATE but for what is meant to go; nothing written is rewritten.
GRANT SELECT, INSERT, UPDATE ON cases.case_numbers, cases.cases, cases.warnings, cases.episodes,
    cases.duties, cases.deliveries, cases.absence_days, cases.audit_heads, cases.accounts TO forvarning_cases;
GRANT SELECT, INSERT ON cases.case_events, cases.comments, cases.audit, cases.dead_letters
    TO forvarning_cases;
GRANT SELECT, INSERT, DELETE ON cases.inbox, cases.login_failures TO forvarning_cases;
GRANT SELECT, INSERT, UPDATE, DELETE ON cases.sessions TO forvarning_cases;
GRANT SELECT, INSERT, DELETE ON cases.outbox TO forvarning_cases;
GRANT UPDATE (published_at) ON cases.outbox TO forvarning_cases;
GRANT USAGE ON SEQUENCE cases.warning_changes TO forvarning_cases;
