-- What is due by the law's clocks and by the municipality's ladder; the koordinators' team.

-- Contents of rules.profiles.v1: the same for every organiser, and nobody's data is in them.
CREATE TABLE cases.profile_contents (
    profile_id text NOT NULL,
    profile_version integer NOT NULL,
    digest bytea NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (profile_id, profile_version)
);

ALTER TABLE cases.duties
    -- By which role it stands with whom, where that is not the case's own.
    ADD COLUMN owner text,
    -- The paragraph, or the ladder's source.
    ADD COLUMN rule text,
    -- The limit is this system's own: the law has a word and no number.
    ADD COLUMN ours boolean NOT NULL DEFAULT false,
    -- Of a ladder's step: its name and words, and which time it is.
    ADD COLUMN step text,
    ADD COLUMN occurrence text,
    ADD COLUMN title text,
    ADD COLUMN tasks text[] NOT NULL DEFAULT '{}';

-- The day on which an episode came to its level; null for those from before: as raised_day.
ALTER TABLE cases.episodes ADD COLUMN level_day date;

-- Up to which version of each case its duties have been computed, and when time alone asks again.
CREATE TABLE cases.settled (
    organiser_id uuid NOT NULL,
    case_id uuid NOT NULL,
    case_version integer NOT NULL,
    next_at timestamptz,
    PRIMARY KEY (organiser_id, case_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases
);
CREATE INDEX ON cases.settled (organiser_id, next_at);

-- The koordinators: profession, room, and from when to when (temporary posts end by themselves).
-- The areas that each is contact person for are duties of the roster.
CREATE TABLE cases.coordination_team (
    organiser_id uuid NOT NULL,
    member_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    profession text NOT NULL,
    capacity integer NOT NULL CHECK (capacity BETWEEN 0 AND 200),
    valid_from date NOT NULL,
    valid_to date,
    note text NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL,
    updated_by uuid NOT NULL,
    PRIMARY KEY (organiser_id, member_id),
    CHECK (valid_to IS NULL OR valid_to > valid_from)
);
CREATE INDEX ON cases.coordination_team (organiser_id, staff_id);

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['profile_contents', 'settled', 'coordination_team'] LOOP
        EXECUTE format('ALTER TABLE cases.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE cases.%I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['settled', 'coordination_team'] LOOP
        EXECUTE format('CREATE POLICY system ON cases.%I TO forvarning_cases '
            'USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system())) '
            'WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()))',
            name);
    END LOOP;
END $$;
CREATE POLICY system ON cases.profile_contents TO forvarning_cases
    USING ((SELECT cases.is_system())) WITH CHECK ((SELECT cases.is_system()));

-- The team is no secret to the team; its leader writes it.
CREATE POLICY people_read ON cases.coordination_team FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser())
    AND cardinality((SELECT cases.units_of('{coordinator,team_leader}'))::uuid[]) > 0);
CREATE POLICY people_write ON cases.coordination_team FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser()) AND updated_by = (SELECT cases.viewer())
    AND cardinality((SELECT cases.units_of('{team_leader}'))::uuid[]) > 0);
CREATE POLICY people_revise ON cases.coordination_team FOR UPDATE TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser())
    AND cardinality((SELECT cases.units_of('{team_leader}'))::uuid[]) > 0)
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND updated_by = (SELECT cases.viewer()));

GRANT SELECT, INSERT, UPDATE ON cases.profile_contents, cases.settled, cases.coordination_team
    TO forvarning_cases;
