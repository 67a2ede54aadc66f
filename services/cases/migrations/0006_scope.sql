-- What each role may see (docs/access.md), decided here and nowhere else.
--
-- Two settings more: app.session, the session a claim's duties hang on, and app.now, the instant
-- by the injected clock, for openings that end.
--
-- Every function below is evaluated once a statement: policies ask for it in a sub-select without
-- a reference to the row. Functions of the owner (SECURITY DEFINER) read what the viewer may not,
-- within the organiser, and answer with ids only.

CREATE FUNCTION cases.session_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.session', true), '')::uuid $$;

CREATE FUNCTION cases.instant() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.now', true), '')::timestamptz $$;

-- A session, whatever its cookie is today: the secret changes with the person's privileges.
ALTER TABLE cases.sessions
    ADD COLUMN session_id uuid NOT NULL DEFAULT gen_random_uuid(),
    -- The secret before the last change answers for a moment, for requests that were under way.
    ADD COLUMN previous_hash bytea,
    ADD COLUMN rotated_at timestamptz,
    -- A digest of the duties that it was given for.
    ADD COLUMN privileges bytea,
    -- The provider's names for the person and for its session: its back channel ends by them.
    ADD COLUMN provider_subject text,
    ADD COLUMN provider_session text,
    ADD UNIQUE (organiser_id, session_id);
CREATE INDEX ON cases.sessions (organiser_id, previous_hash) WHERE previous_hash IS NOT NULL;
CREATE INDEX ON cases.sessions (organiser_id, provider, provider_subject)
    WHERE provider IS NOT NULL;

-- Duties that a provider's claims gave: for this session, and gone with it.
CREATE TABLE cases.session_duties (
    organiser_id uuid NOT NULL,
    session_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN (
        'attendance_officer', 'principal', 'student_health', 'coordinator', 'team_leader',
        'area_manager', 'organiser_officer', 'compulsory_officer', 'board', 'operations')),
    area_id uuid,
    school_unit_id uuid,
    -- Only who answers for the whole organiser has no place.
    CHECK (area_id IS NOT NULL OR school_unit_id IS NOT NULL OR role IN (
        'team_leader', 'organiser_officer', 'compulsory_officer', 'board', 'operations')),
    FOREIGN KEY (organiser_id, session_id)
        REFERENCES cases.sessions (organiser_id, session_id) ON DELETE CASCADE
);
CREATE INDEX ON cases.session_duties (organiser_id, session_id);

-- A case that somebody outside its circle has a part in.
CREATE TABLE cases.case_shares (
    organiser_id uuid NOT NULL,
    share_id uuid NOT NULL,
    case_id uuid NOT NULL,
    -- 'queue': waits for a coordinator, seen by the area's coordinators and their leader.
    -- 'coordination': has one, seen by the leader. 'member': named in staff_id.
    audience text NOT NULL CHECK (audience IN ('queue', 'coordination', 'member')),
    staff_id uuid,
    since timestamptz NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (organiser_id, share_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases,
    CHECK ((audience = 'member') = (staff_id IS NOT NULL))
);
CREATE UNIQUE INDEX ON cases.case_shares (organiser_id, case_id, audience,
    coalesce(staff_id, '00000000-0000-0000-0000-000000000000')) WHERE ended_at IS NULL;
CREATE INDEX ON cases.case_shares (organiser_id, staff_id) WHERE ended_at IS NULL;

-- The anmälan to the huvudman: from then on its officer sees the case, and with skolplikt the
-- skolpliktshandläggare.
ALTER TABLE cases.cases
    ADD COLUMN reported_at timestamptz,
    ADD COLUMN reported_track text CHECK (reported_track IN ('compulsory', 'upper_secondary')),
    ADD CHECK ((reported_at IS NULL) = (reported_track IS NULL));

-- A case read outside one's duties, for a reason and a time (break-glass), or by an områdeschef
-- who goes from a figure to a pupil (drill-down).
CREATE TABLE cases.openings (
    organiser_id uuid NOT NULL,
    opening_id uuid NOT NULL,
    case_id uuid NOT NULL,
    -- Where the case stood when it was asked for: whose rektor is told.
    school_unit_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('break_glass', 'drill_down')),
    reason text NOT NULL CHECK (length(btrim(reason)) >= 10),
    asked_at timestamptz NOT NULL,
    -- Skyddade personuppgifter: nothing is opened before a second person has said yes.
    protected boolean NOT NULL,
    approved_by uuid,
    approved_at timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (organiser_id, opening_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases,
    CHECK (approved_by <> staff_id),
    CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CHECK (NOT protected OR (expires_at IS NULL) = (approved_at IS NULL)),
    CHECK (protected OR expires_at IS NOT NULL),
    CHECK (expires_at <= coalesce(approved_at, asked_at) + interval '1 hour')
);
CREATE INDEX ON cases.openings (organiser_id, staff_id, expires_at);
CREATE INDEX ON cases.openings (organiser_id, case_id, asked_at);
CREATE INDEX ON cases.openings (organiser_id, asked_at);

-- The duties that hold today: the roster's, and those of the session's claims.
CREATE FUNCTION cases.my_duties()
    RETURNS TABLE (role text, area_id uuid, school_unit_id uuid, group_id uuid)
    LANGUAGE plpgsql STABLE ROWS 3 AS $$
BEGIN
    RETURN QUERY
        SELECT d.role, d.area_id, d.school_unit_id, d.group_id FROM people_v1.duties d
        WHERE d.organiser_id = cases.organiser() AND d.staff_id = cases.viewer()
          AND d.valid_from <= cases.today()
          AND (d.valid_to IS NULL OR d.valid_to > cases.today())
        UNION ALL
        SELECT s.role, s.area_id, s.school_unit_id, NULL::uuid FROM cases.session_duties s
        WHERE s.organiser_id = cases.organiser() AND s.session_id = cases.session_id()
          AND s.staff_id = cases.viewer();
END $$;

CREATE FUNCTION cases.has_role(wanted text[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM cases.my_duties() m WHERE m.role = ANY (wanted));
END $$;

CREATE OR REPLACE FUNCTION cases.units_of(wanted text[]) RETURNS uuid[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        WITH mine AS MATERIALIZED (
            SELECT m.area_id, m.school_unit_id FROM cases.my_duties() m
            WHERE m.role = ANY (wanted) AND m.group_id IS NULL)
        SELECT u.school_unit_id FROM people_v1.school_units u
        WHERE EXISTS (SELECT FROM mine
                      WHERE mine.school_unit_id = u.school_unit_id
                         OR (mine.school_unit_id IS NULL AND mine.area_id = u.area_id)
                         OR (mine.school_unit_id IS NULL AND mine.area_id IS NULL))
        UNION ALL
        -- Cases whose unit nobody knows stand with whoever has a duty for the whole organiser.
        SELECT '00000000-0000-0000-0000-000000000000'
        WHERE EXISTS (SELECT FROM mine WHERE school_unit_id IS NULL AND area_id IS NULL));
END $$;

-- The viewer's own classes and groups. A role that works with no class gets none by a duty for one.
CREATE OR REPLACE FUNCTION cases.groups_in_scope() RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT m.group_id FROM cases.my_duties() m
                 WHERE m.group_id IS NOT NULL
                   AND m.role IN ('mentor', 'attendance_officer', 'principal', 'student_health'));
END $$;

CREATE OR REPLACE FUNCTION cases.pupils_in_scope() RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
DECLARE mine uuid[] := cases.groups_in_scope();
BEGIN
    IF cardinality(mine) = 0 THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT p.pupil_id FROM people_v1.placements p
        WHERE p.organiser_id = cases.organiser() AND p.class_id = ANY (mine)
          AND p.valid_from <= cases.today() AND (p.valid_to IS NULL OR p.valid_to > cases.today())
        UNION
        SELECT m.pupil_id FROM people_v1.memberships m
        WHERE m.organiser_id = cases.organiser() AND m.group_id = ANY (mine)
          AND m.valid_from <= cases.today() AND (m.valid_to IS NULL OR m.valid_to > cases.today()));
END $$;

-- The cases that the viewer has opened and that have not closed again.
CREATE FUNCTION cases.opened_by_me() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ARRAY(SELECT o.case_id FROM cases.openings o
                 WHERE o.organiser_id = cases.organiser() AND o.staff_id = cases.viewer()
                   AND o.asked_at <= cases.instant() AND o.expires_at > cases.instant())
$$;

-- The cases that are shared with the viewer, by name or by role and area.
CREATE FUNCTION cases.shared_with_me() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    queues uuid[] := cases.units_of('{coordinator,team_leader}');
    teams uuid[] := cases.units_of('{team_leader}');
BEGIN
    RETURN ARRAY(
        SELECT s.case_id FROM cases.case_shares s
        WHERE s.organiser_id = cases.organiser() AND s.staff_id = cases.viewer()
          AND s.ended_at IS NULL
        UNION
        SELECT s.case_id FROM cases.case_shares s JOIN cases.cases c USING (organiser_id, case_id)
        WHERE s.organiser_id = cases.organiser() AND s.staff_id IS NULL AND s.ended_at IS NULL
          AND cardinality(queues) > 0
          AND c.school_unit_id = ANY (CASE s.audience WHEN 'queue' THEN queues ELSE teams END));
END $$;

-- Pupils with skyddade personuppgifter: who they are at all, and whose names the viewer may know.
CREATE FUNCTION cases.protected_pupils() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ARRAY(SELECT p.pupil_id FROM people.pupils p
                 WHERE p.organiser_id = cases.organiser() AND p.protection <> 'none')
$$;

-- Whom the case or a call home stands with, the unit's rektor, who is named on the case, and who
-- has opened it with a second person's yes.
CREATE FUNCTION cases.known_protected() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    own uuid[] := cases.units_of('{principal}');
    me uuid := cases.viewer();
BEGIN
    IF cases.is_system() THEN
        RETURN cases.protected_pupils();
    END IF;
    RETURN ARRAY(
        SELECT p.pupil_id FROM people.pupils p
        WHERE p.organiser_id = cases.organiser() AND p.protection <> 'none' AND (
            EXISTS (SELECT FROM cases.cases c
                    WHERE c.organiser_id = p.organiser_id AND c.pupil_id = p.pupil_id
                      AND (c.assigned_staff_id = me OR c.school_unit_id = ANY (own)
                        OR EXISTS (SELECT FROM cases.case_shares s
                                   WHERE s.organiser_id = c.organiser_id AND s.case_id = c.case_id
                                     AND s.staff_id = me AND s.ended_at IS NULL)
                        OR EXISTS (SELECT FROM cases.openings o
                                   WHERE o.organiser_id = c.organiser_id AND o.case_id = c.case_id
                                     AND o.staff_id = me AND o.approved_at IS NOT NULL
                                     AND o.expires_at > cases.instant())))
            OR EXISTS (SELECT FROM cases.duties d
                       WHERE d.organiser_id = p.organiser_id AND d.pupil_id = p.pupil_id
                         AND (d.assigned_staff_id = me OR d.school_unit_id = ANY (own)))
            OR EXISTS (SELECT FROM people.placements l
                       WHERE l.organiser_id = p.organiser_id AND l.pupil_id = p.pupil_id
                         AND l.school_unit_id = ANY (own) AND l.valid_from <= cases.today()
                         AND (l.valid_to IS NULL OR l.valid_to > cases.today()))));
END $$;

-- For a row whose pupil is hidden from the viewer the protection comes as null: not known.
CREATE OR REPLACE FUNCTION cases.may_know(protection text, assigned uuid, unit uuid)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(protection = 'none', false)
        OR cases.is_system()
        OR coalesce(assigned = cases.viewer(), false)
        OR coalesce(unit = ANY (cases.units_of('{principal}')), false);
END $$;

-- The roles in which the viewer meets one case; none for a case that was merely opened.
CREATE FUNCTION cases.roles_on(wanted uuid) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE c record;
BEGIN
    SELECT * INTO c FROM cases.cases x
    WHERE x.organiser_id = cases.organiser() AND x.case_id = wanted;
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT m.role FROM cases.my_duties() m
        LEFT JOIN people.school_units u
            ON u.organiser_id = c.organiser_id AND u.school_unit_id = c.school_unit_id
        WHERE CASE
            WHEN m.group_id IS NOT NULL THEN
                m.role IN ('mentor', 'attendance_officer', 'principal', 'student_health')
                AND c.pupil_id = ANY (cases.pupils_in_scope())
            WHEN m.role IN ('coordinator', 'team_leader') THEN
                c.case_id = ANY (cases.shared_with_me())
                OR (c.assigned_staff_id IS NULL
                    AND c.school_unit_id = ANY (cases.units_of(ARRAY[m.role])))
            WHEN m.role = 'organiser_officer' THEN
                c.reported_at IS NOT NULL
                AND c.school_unit_id = ANY (cases.units_of(ARRAY[m.role]))
            WHEN m.role = 'compulsory_officer' THEN
                c.reported_track IS NOT DISTINCT FROM 'compulsory'
                AND c.school_unit_id = ANY (cases.units_of(ARRAY[m.role]))
            WHEN m.role IN ('attendance_officer', 'principal', 'student_health') THEN
                m.school_unit_id = c.school_unit_id
                OR (m.school_unit_id IS NULL AND m.area_id = u.area_id)
                OR (m.school_unit_id IS NULL AND m.area_id IS NULL)
            ELSE false END
        UNION
        -- Whom it stands with keeps it until the sweep has given it on.
        SELECT c.assigned_as WHERE c.assigned_staff_id = cases.viewer()
        ORDER BY 1);
END $$;

-- What somebody who wants to open a case must be told of it: nothing but its id.
CREATE FUNCTION cases.to_open(wanted text)
    RETURNS TABLE (case_id uuid, school_unit_id uuid, protected boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
        SELECT c.case_id, c.school_unit_id, c.pupil_id = ANY (cases.protected_pupils())
        FROM cases.cases c
        WHERE c.organiser_id = cases.organiser() AND c.number = wanted
          AND (cases.has_role('{attendance_officer,principal,student_health,coordinator,
                                team_leader,organiser_officer,compulsory_officer}')
               OR c.school_unit_id = ANY (cases.units_of('{area_manager}')));
END $$;

-- Of an opening that is asked for: where the case stands and whether its pupil is protected.
CREATE FUNCTION cases.opening_facts(wanted uuid)
    RETURNS TABLE (school_unit_id uuid, protected boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY
        SELECT c.school_unit_id, c.pupil_id = ANY (cases.protected_pupils())
        FROM cases.cases c WHERE c.organiser_id = cases.organiser() AND c.case_id = wanted;
END $$;

-- Case numbers of a unit, for the områdeschef's way from a figure to a case. They name nobody.
CREATE FUNCTION cases.area_cases(wanted uuid, for_year integer)
    RETURNS TABLE (number text, state text, family text, level integer, opened_at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
        SELECT c.number, c.state, c.family, c.level, c.opened_at FROM cases.cases c
        WHERE c.organiser_id = cases.organiser() AND c.school_unit_id = wanted
          AND c.school_year = for_year
          AND wanted = ANY (cases.units_of('{area_manager}'))
        ORDER BY c.number;
END $$;

-- Counts for the områdeschef and the nämnd: of the whole, by unit, by family, by state. Null is a
-- count that is not shown: 1 to 4, and beside such a one the next smallest where the total and
-- the other counts would give it away.
CREATE FUNCTION cases.figures(for_year integer)
    RETURNS TABLE (dimension text, key text, shown integer)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE mine uuid[] := cases.units_of('{area_manager,board}');
BEGIN
    RETURN QUERY
        WITH counted AS MATERIALIZED (
            SELECT c.school_unit_id, c.family, c.state, count(*) AS n FROM cases.cases c
            WHERE c.organiser_id = cases.organiser() AND c.school_year = for_year
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

-- What the owner's functions read, one organiser at a time.
CREATE POLICY owner_reads ON cases.cases FOR SELECT TO forvarning_owner
    USING (organiser_id = (SELECT cases.organiser()));
CREATE POLICY owner_reads ON cases.duties FOR SELECT TO forvarning_owner
    USING (organiser_id = (SELECT cases.organiser()));

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{session_duties,case_shares,openings}'::text[] LOOP
        EXECUTE format('ALTER TABLE cases.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE cases.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY system ON cases.%I TO forvarning_cases '
            'USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system())) '
            'WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()))',
            t);
        EXECUTE format('CREATE POLICY owner_reads ON cases.%I FOR SELECT TO forvarning_owner '
            'USING (organiser_id = (SELECT cases.organiser()))', t);
    END LOOP;
END $$;

-- One's own session only.
CREATE POLICY people_read ON cases.session_duties FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND staff_id = (SELECT cases.viewer())
    AND session_id = (SELECT cases.session_id()));

DROP POLICY people_read ON cases.cases;
CREATE POLICY people_read ON cases.cases FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR case_id = ANY ((SELECT cases.shared_with_me())::uuid[])
        OR case_id = ANY ((SELECT cases.opened_by_me())::uuid[])
        OR (assigned_staff_id IS NULL AND school_unit_id = ANY (
            (SELECT cases.units_of('{coordinator,team_leader}'))::uuid[]))
        OR (reported_at IS NOT NULL AND school_unit_id = ANY (
            (SELECT cases.units_of('{organiser_officer}'))::uuid[]))
        OR (reported_track = 'compulsory' AND school_unit_id = ANY (
            (SELECT cases.units_of('{compulsory_officer}'))::uuid[]))));

DROP POLICY people_read ON cases.duties;
CREATE POLICY people_read ON cases.duties FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        assigned_staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR (assigned_staff_id IS NULL AND school_unit_id = ANY (
            (SELECT cases.units_of('{coordinator,team_leader}'))::uuid[]))
        OR (case_id IS NOT NULL AND EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = duties.organiser_id AND c.case_id = duties.case_id))));

DROP POLICY people_read ON cases.deliveries;
CREATE POLICY people_read ON cases.deliveries FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        school_unit_id = ANY ((SELECT cases.units_of(
            '{attendance_officer,principal,student_health}'))::uuid[])
        OR pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
        OR EXISTS (SELECT FROM cases.cases c
                   WHERE c.organiser_id = deliveries.organiser_id
                     AND c.pupil_id = deliveries.pupil_id)));

-- A case at a time by its index: a set of every case that one may see is slow to make.
DO $$
DECLARE t regclass;
BEGIN
    FOR t IN SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'cases' AND c.relname LIKE 'absence\_days%'
               AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('DROP POLICY people_read ON %s', t);
        EXECUTE format('CREATE POLICY people_read ON %1$s FOR SELECT TO forvarning_cases USING ('
            'organiser_id = (SELECT cases.organiser()) AND EXISTS (SELECT FROM cases.cases c '
            'WHERE c.organiser_id = %2$s.organiser_id AND c.pupil_id = %2$s.pupil_id))',
            t, split_part(t::text, '.', 2));
    END LOOP;
END $$;

-- Whoever has opened a case reads it and writes nothing but that it was opened.
CREATE POLICY opened_is_read_only ON cases.comments AS RESTRICTIVE FOR INSERT TO forvarning_cases
    WITH CHECK ((SELECT cases.is_system())
                OR NOT case_id = ANY ((SELECT cases.opened_by_me())::uuid[]));
CREATE POLICY opened_is_read_only ON cases.case_events AS RESTRICTIVE FOR INSERT
    TO forvarning_cases
    WITH CHECK ((SELECT cases.is_system()) OR kind = 'opened'
                OR NOT case_id = ANY ((SELECT cases.opened_by_me())::uuid[]));

-- Sharing is for who works in the case: the school puts it into the queue and its rektor names
-- who may know; the coordinators and their leader take it from there.
CREATE POLICY people_read ON cases.case_shares FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND EXISTS (
        SELECT FROM cases.cases c
        WHERE c.organiser_id = case_shares.organiser_id AND c.case_id = case_shares.case_id));
CREATE POLICY people_share ON cases.case_shares FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser())
    AND CASE WHEN audience = 'queue'
        THEN cases.roles_on(case_id)
            && '{attendance_officer,principal,student_health,coordinator,team_leader}'
        ELSE cases.roles_on(case_id) && '{principal,coordinator,team_leader}' END);
CREATE POLICY people_end ON cases.case_shares FOR UPDATE TO forvarning_cases
    USING (organiser_id = (SELECT cases.organiser())
           AND cases.roles_on(case_id) && '{principal,coordinator,team_leader}')
    WITH CHECK (organiser_id = (SELECT cases.organiser()));

-- One's own openings; those of the rektor's unit; every one for the officer at the huvudman.
CREATE POLICY people_read ON cases.openings FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        staff_id = (SELECT cases.viewer())
        OR school_unit_id = ANY ((SELECT cases.units_of('{principal,organiser_officer}'))::uuid[])));
CREATE POLICY people_open ON cases.openings FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser()) AND staff_id = (SELECT cases.viewer())
    AND asked_at = (SELECT cases.instant()) AND approved_by IS NULL
    AND CASE kind
        WHEN 'break_glass' THEN (SELECT cases.has_role(
            '{attendance_officer,principal,student_health,coordinator,team_leader,
              organiser_officer,compulsory_officer}'))
        ELSE school_unit_id = ANY ((SELECT cases.units_of('{area_manager}'))::uuid[]) END
    AND EXISTS (SELECT FROM cases.opening_facts(openings.case_id) f
                WHERE f.school_unit_id = openings.school_unit_id
                  AND f.protected = openings.protected));
-- The second person: the unit's rektor, or the officer at the huvudman.
CREATE POLICY people_approve ON cases.openings FOR UPDATE TO forvarning_cases
    USING (organiser_id = (SELECT cases.organiser()) AND protected AND approved_by IS NULL
           AND staff_id <> (SELECT cases.viewer())
           AND school_unit_id = ANY (
               (SELECT cases.units_of('{principal,organiser_officer}'))::uuid[]))
    WITH CHECK (organiser_id = (SELECT cases.organiser())
                AND approved_by = (SELECT cases.viewer())
                AND approved_at = (SELECT cases.instant()));

-- People's names and contacts, too, are within one's scope only. These tables are ingest's; the
-- policies narrow what the case service reads of them for a person, and nobody else.
CREATE POLICY cases_scope ON people.pupils AS RESTRICTIVE FOR SELECT TO forvarning_cases USING (
    (SELECT cases.is_system())
    OR CASE WHEN protection <> 'none'
        THEN pupil_id = ANY ((SELECT cases.known_protected())::uuid[])
        ELSE pupil_id = ANY ((SELECT cases.pupils_in_scope())::uuid[])
            OR EXISTS (SELECT FROM people.placements l
                       WHERE l.organiser_id = pupils.organiser_id AND l.pupil_id = pupils.pupil_id
                         AND l.school_unit_id = ANY ((SELECT cases.units_of(
                             '{attendance_officer,principal,student_health}'))::uuid[]))
            OR EXISTS (SELECT FROM cases.cases c
                       WHERE c.organiser_id = pupils.organiser_id AND c.pupil_id = pupils.pupil_id)
        END);
CREATE POLICY cases_scope ON people.guardian_relations AS RESTRICTIVE FOR SELECT
    TO forvarning_cases USING (
    (SELECT cases.is_system())
    OR EXISTS (SELECT FROM people.pupils p
               WHERE p.organiser_id = guardian_relations.organiser_id
                 AND p.pupil_id = guardian_relations.pupil_id));
CREATE POLICY cases_scope ON people.guardians AS RESTRICTIVE FOR SELECT TO forvarning_cases USING (
    (SELECT cases.is_system())
    OR EXISTS (SELECT FROM people.guardian_relations r
               WHERE r.organiser_id = guardians.organiser_id
                 AND r.guardian_id = guardians.guardian_id));
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{placements,memberships,notice_suppressions,wake_from}'::text[] LOOP
        EXECUTE format('CREATE POLICY cases_scope ON people.%I AS RESTRICTIVE FOR SELECT '
            'TO forvarning_cases USING ((SELECT cases.is_system()) '
            'OR NOT pupil_id = ANY ((SELECT cases.protected_pupils())::uuid[]) '
            'OR pupil_id = ANY ((SELECT cases.known_protected())::uuid[]))', t);
    END LOOP;
END $$;

-- Lists of everything that one may see, closed cases too, the newest change first.
CREATE INDEX ON cases.cases (organiser_id, school_unit_id, updated_at DESC);
CREATE INDEX ON cases.cases (organiser_id, assigned_staff_id, updated_at DESC);
CREATE INDEX ON cases.cases (organiser_id, updated_at DESC, case_id);
CREATE INDEX ON cases.cases (organiser_id, school_unit_id) WHERE reported_at IS NOT NULL;
CREATE INDEX ON cases.cases (organiser_id, school_unit_id) WHERE assigned_staff_id IS NULL;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA cases FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cases TO forvarning_cases;
GRANT SELECT, INSERT ON cases.session_duties TO forvarning_cases;
GRANT SELECT, INSERT ON cases.case_shares TO forvarning_cases;
GRANT UPDATE (ended_at) ON cases.case_shares TO forvarning_cases;
GRANT SELECT, INSERT ON cases.openings TO forvarning_cases;
GRANT UPDATE (approved_by, approved_at, expires_at) ON cases.openings TO forvarning_cases;
