-- What the stream tells a school about itself (ews.school-signals.v1): counts and shares of at
-- least five pupils, never who. One row a signal, laid out by its newest episode.
CREATE TABLE cases.school_signals (
    organiser_id uuid NOT NULL,
    signal_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    revision bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('wave', 'cluster', 'unreported')),
    scope text NOT NULL CHECK (scope IN ('unit', 'class', 'subject', 'slot')),
    class_id uuid,
    subject text,
    slot text CHECK (slot IN ('first', 'lunch', 'last')),
    school_year integer NOT NULL,
    -- 'none' where a correction removed all that was told.
    state text NOT NULL CHECK (state IN ('active', 'over', 'none')),
    first_day date,
    last_day date,
    days integer NOT NULL,
    window_days integer NOT NULL,
    pupils integer NOT NULL,
    absent integer NOT NULL,
    share_permille integer NOT NULL,
    usual_permille integer NOT NULL,
    offered bigint NOT NULL,
    reported bigint NOT NULL,
    -- The whole signal in its own bytes.
    snapshot bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, signal_id),
    CHECK ((state = 'none') = (first_day IS NULL) AND (first_day IS NULL) = (last_day IS NULL)),
    CHECK ((scope = 'class') = (class_id IS NOT NULL) AND (scope = 'subject') = (subject IS NOT NULL)
           AND (scope = 'slot') = (slot IS NOT NULL))
);
CREATE INDEX ON cases.school_signals (organiser_id, school_unit_id) WHERE state = 'active';

-- The viewer's own classes and groups: a mentor's, or an officer's for one class.
CREATE FUNCTION cases.groups_in_scope() RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT d.group_id FROM people_v1.duties d
        WHERE d.staff_id = cases.viewer() AND d.group_id IS NOT NULL
          AND d.valid_from <= cases.today()
          AND (d.valid_to IS NULL OR d.valid_to > cases.today()));
END $$;

ALTER TABLE cases.school_signals ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases.school_signals FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON cases.school_signals TO forvarning_cases
    USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()))
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()));
-- The unit's rektor and närvaroansvarig: it is about teaching and environment, which are theirs.
-- A mentor learns of the own class's wave, and of nothing else.
CREATE POLICY people_read ON cases.school_signals FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        school_unit_id = ANY ((SELECT cases.units_of('{attendance_officer,principal}'))::uuid[])
        OR (kind = 'wave'
            AND class_id = ANY ((SELECT cases.groups_in_scope())::uuid[]))));

REVOKE ALL ON FUNCTION cases.groups_in_scope() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.groups_in_scope() TO forvarning_cases;
GRANT SELECT, INSERT, UPDATE ON cases.school_signals TO forvarning_cases;
