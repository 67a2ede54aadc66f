-- A case at the municipality about a pupil of another organiser: opened by whoever of the
-- koordinatorer takes a received beställning on. It holds what the document said and what is written
-- here afterwards; no row of it is the sender's, and no pupil of the roster's (design D11).
ALTER TABLE cases.cases ADD COLUMN outside boolean NOT NULL DEFAULT false;
ALTER TABLE cases.cases DROP CONSTRAINT cases_assigned_as_check;
ALTER TABLE cases.cases ADD CONSTRAINT cases_assigned_as_check CHECK (assigned_as IN (
    'attendance_officer', 'principal', 'coordinator', 'team_leader'));

-- It belongs to no school: a duty for the whole organiser does not reach it, only a part in it does.
CREATE POLICY outside ON cases.cases AS RESTRICTIVE FOR SELECT TO forvarning_cases USING (
    NOT outside OR (SELECT cases.is_system())
    OR (assigned_staff_id = (SELECT cases.viewer()) AND state <> 'closed')
    OR case_id = ANY ((SELECT cases.shared_with_me())::uuid[]));

-- A beställning from another organiser belongs to no area: every koordinator and teamledare finds it
-- until somebody has taken it on; then it goes with its case.
DROP POLICY people_read ON cases.documents;
CREATE POLICY people_read ON cases.documents FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        (case_id IS NOT NULL AND EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = documents.organiser_id AND c.case_id = documents.case_id))
        OR (kind IN ('report_to_organiser', 'report_result', 'home_municipality_notice')
            AND school_unit_id = ANY ((SELECT cases.units_of('{organiser_officer}'))::uuid[]))
        OR (direction = 'received' AND case_id IS NULL AND (
            school_unit_id = ANY ((SELECT cases.units_of(
                '{organiser_officer,compulsory_officer,team_leader,coordinator}'))::uuid[])
            OR (kind = 'coordination_request'
                AND (SELECT cases.has_role('{coordinator,team_leader}')))))));

CREATE OR REPLACE FUNCTION cases.shared_with_me_now() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    queues uuid[] := cases.units_of('{coordinator,team_leader}');
    teams uuid[] := cases.units_of('{team_leader}');
    works boolean := cases.has_role('{coordinator,team_leader}');
    leads boolean := cases.has_role('{team_leader}');
BEGIN
    RETURN ARRAY(
        SELECT s.case_id FROM cases.case_shares s
        WHERE s.organiser_id = cases.organiser() AND s.staff_id = cases.viewer()
          AND s.ended_at IS NULL
        UNION
        SELECT s.case_id FROM cases.case_shares s JOIN cases.cases c USING (organiser_id, case_id)
        WHERE s.organiser_id = cases.organiser() AND s.staff_id IS NULL AND s.ended_at IS NULL
          AND works
          AND CASE WHEN c.outside THEN s.audience = 'queue' OR leads
              ELSE c.school_unit_id = ANY (CASE s.audience WHEN 'queue' THEN queues ELSE teams END)
              END);
END $$;

-- Nobody's unit, so nobody's to open with a reason or to count among the organiser's own.
CREATE OR REPLACE FUNCTION cases.to_open(wanted text)
    RETURNS TABLE (case_id uuid, school_unit_id uuid, protected boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
        SELECT c.case_id, c.school_unit_id, c.pupil_id = ANY (cases.protected_pupils())
        FROM cases.cases c
        WHERE c.organiser_id = cases.organiser() AND c.number = wanted AND NOT c.outside
          AND (cases.has_role('{attendance_officer,principal,student_health,coordinator,
                                team_leader,organiser_officer,compulsory_officer}')
               OR c.school_unit_id = ANY (cases.units_of('{area_manager}')));
END $$;
CREATE OR REPLACE FUNCTION cases.opening_facts(wanted uuid)
    RETURNS TABLE (school_unit_id uuid, protected boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
        SELECT c.school_unit_id, c.pupil_id = ANY (cases.protected_pupils())
        FROM cases.cases c
        WHERE c.organiser_id = cases.organiser() AND c.case_id = wanted AND NOT c.outside;
END $$;
CREATE OR REPLACE FUNCTION cases.figures(for_year integer)
    RETURNS TABLE (dimension text, key text, shown integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE mine uuid[] := cases.units_of('{area_manager,board}');
BEGIN
    RETURN QUERY
        WITH counted AS MATERIALIZED (
            SELECT c.school_unit_id, c.family, c.state, count(*) AS n FROM cases.cases c
            WHERE c.organiser_id = cases.organiser() AND c.school_year = for_year
              AND NOT c.outside
              AND c.school_unit_id = ANY (mine)
            GROUP BY 1, 2, 3),
        cells AS (
            SELECT 'total' AS d, '' AS k, sum(n)::int AS n FROM counted HAVING sum(n) > 0
            UNION ALL SELECT 'unit', school_unit_id::text, sum(n)::int FROM counted GROUP BY 2
            UNION ALL SELECT 'family', coalesce(family, ''), sum(n)::int FROM counted GROUP BY 2
            UNION ALL SELECT 'state', state, sum(n)::int FROM counted GROUP BY 2),
        beside AS (
            SELECT *, count(*) FILTER (WHERE n < 5) OVER (PARTITION BY d) AS few,
                   coalesce(sum(n) FILTER (WHERE n < 5) OVER (PARTITION BY d), 0) AS in_few,
                   row_number() OVER (PARTITION BY d, n < 5 ORDER BY n, k) AS place
            FROM cells)
        SELECT d, k, CASE
            WHEN n < 5 OR (d <> 'total' AND few > 0 AND (few = 1 OR in_few < 5) AND place = 1)
            THEN NULL ELSE n END
        FROM beside;
END $$;

-- The talks of a case that no unit has are for the koordinatorer who have a part in it.
CREATE OR REPLACE FUNCTION cases.may_read_entry(
    sensitivity text, author uuid, named uuid[], unit uuid)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sensitivity = 'ordinary'
        OR author = cases.viewer()
        OR coalesce(cases.viewer() = ANY (named), false)
        OR (sensitivity = 'health'
            AND coalesce(unit = ANY (cases.units_of('{principal,student_health}')), false))
        OR (sensitivity = 'coordination'
            AND (coalesce(unit = ANY (cases.units_of('{coordinator,team_leader}')), false)
                OR (unit = '00000000-0000-0000-0000-000000000000'
                    AND cases.has_role('{coordinator,team_leader}'))));
END $$;
