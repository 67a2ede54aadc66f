-- Schema `ingest`: sources, homes, lessons seen, what waits to be sent, the day closer's book.

CREATE SCHEMA ingest;
REVOKE ALL ON SCHEMA ingest FROM PUBLIC;

-- Never the same number twice; each process takes blocks (services.ingest.versions).
CREATE SEQUENCE ingest.fact_sequence INCREMENT BY 4096;

CREATE TABLE ingest.sources (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    source_id uuid NOT NULL,
    name text NOT NULL,
    -- Sources that call pupils and units by the same ids share a namespace.
    namespace text NOT NULL,
    -- SHA-256 of a token of 256 random bits: nothing slower is needed against guessing.
    token_sha256 bytea NOT NULL UNIQUE,
    scopes text[] NOT NULL,
    priority int NOT NULL CHECK (priority BETWEEN 1 AND 999),
    quota_per_minute int NOT NULL CHECK (quota_per_minute > 0),
    -- What is older builds state and wakes nobody (design D8).
    cut_over date,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    PRIMARY KEY (organiser_id, source_id)
);

-- A home: the pupils whose first responsible unit of a school year this is (design D1).
CREATE TABLE ingest.homes (
    organiser_id uuid NOT NULL,
    home_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    school_year int NOT NULL,
    partition int NOT NULL,
    next_bucket int NOT NULL DEFAULT 0,
    PRIMARY KEY (organiser_id, home_id),
    UNIQUE (organiser_id, school_unit_id, school_year),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE ingest.buckets (
    organiser_id uuid NOT NULL,
    home_id uuid NOT NULL,
    bucket int NOT NULL,
    -- The class it was opened for; null = pupils without one.
    class_id uuid,
    pupils int NOT NULL,
    PRIMARY KEY (organiser_id, home_id, bucket),
    FOREIGN KEY (organiser_id, home_id) REFERENCES ingest.homes (organiser_id, home_id)
);

CREATE TABLE ingest.pupil_homes (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    school_year int NOT NULL,
    home_id uuid NOT NULL,
    bucket int NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id, school_year),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id),
    FOREIGN KEY (organiser_id, home_id, bucket) REFERENCES ingest.buckets (organiser_id, home_id, bucket)
);

-- Counts only, over all organisers: where the next home goes.
CREATE TABLE ingest.partition_load (
    school_year int NOT NULL,
    partition int NOT NULL,
    homes int NOT NULL,
    pupils int NOT NULL,
    PRIMARY KEY (school_year, partition)
);

-- Every lesson occurrence seen, so that a cancellation or a move reaches all who had it.
CREATE TABLE ingest.lessons (
    organiser_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    day date NOT NULL,
    -- The newest cancellation's version; null = never cancelled.
    cancel_priority int,
    cancel_modified_ms bigint,
    cancel_sequence bigint,
    PRIMARY KEY (organiser_id, lesson_id)
);
CREATE INDEX ON ingest.lessons (organiser_id, school_unit_id, day);

CREATE TABLE ingest.lesson_targets (
    organiser_id uuid NOT NULL,
    lesson_id uuid NOT NULL,
    home_id uuid NOT NULL,
    bucket int NOT NULL,
    PRIMARY KEY (organiser_id, lesson_id, home_id, bucket)
);

-- A re-imported timetable's new names for the same activities (design D2).
CREATE TABLE ingest.activity_aliases (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    namespace text NOT NULL,
    activity text NOT NULL,
    same_as text NOT NULL,
    PRIMARY KEY (organiser_id, namespace, activity)
);

-- Accepted about a pupil whom the roster does not know yet, or not in that school year. The newest
-- statement about the same lesson or notice replaces an older one, as it would in the stream.
CREATE TABLE ingest.parked (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    namespace text NOT NULL,
    pupil text NOT NULL,
    -- The lesson's or the notice's id.
    about uuid NOT NULL,
    school_year int NOT NULL,
    priority int NOT NULL,
    modified_ms bigint NOT NULL,
    sequence bigint NOT NULL,
    -- A Fact with one pupil; home, bucket and pupil still empty.
    fact bytea NOT NULL,
    parked_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, namespace, pupil, about, school_year)
);

-- Facts and roster records that follow from what is stored; sent after the commit, in order.
CREATE TABLE ingest.outbox (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    outbox_id bigint GENERATED ALWAYS AS IDENTITY,
    -- Records of a later stage are sent when all of an earlier one are acknowledged.
    stage smallint NOT NULL,
    topic text NOT NULL,
    partition int NOT NULL,
    key bytea NOT NULL,
    value bytea,
    PRIMARY KEY (organiser_id, outbox_id)
);

-- What was last put into the outbox under a key, so that an unchanged roster sends nothing.
CREATE TABLE ingest.published (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    topic text NOT NULL,
    key bytea NOT NULL,
    digest bytea NOT NULL,
    -- What a retraction needs: the record without its version.
    value bytea NOT NULL,
    PRIMARY KEY (organiser_id, topic, key)
);

CREATE TABLE ingest.profile_activations (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    activation_id uuid NOT NULL,
    profile_id text NOT NULL,
    profile_version int NOT NULL,
    digest bytea NOT NULL,
    valid_from date NOT NULL,
    school_unit_ids uuid[] NOT NULL DEFAULT '{}',
    school_forms text[] NOT NULL DEFAULT '{}',
    activated_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, activation_id)
);

-- Content is immutable and the same for all organisers: no tenant's data is in it.
CREATE TABLE ingest.profile_contents (
    profile_id text NOT NULL,
    profile_version int NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (profile_id, profile_version)
);

-- The day closer (design D8). closed_through: every day up to and including it has its rows.
CREATE TABLE ingest.unit_closers (
    organiser_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    closed_through date NOT NULL,
    calendar_digest bytea NOT NULL,
    PRIMARY KEY (organiser_id, school_unit_id),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE ingest.day_closings (
    organiser_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    day date NOT NULL,
    -- A later revision replaces: reopened, closed again, calendar corrected.
    revision int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('school_day', 'free', 'reopened')),
    modified_ms bigint NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (organiser_id, school_unit_id, day, revision),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE ingest.day_closing_partitions (
    organiser_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    day date NOT NULL,
    revision int NOT NULL,
    partition int NOT NULL,
    acknowledged boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, school_unit_id, day, revision, partition),
    FOREIGN KEY (organiser_id, school_unit_id, day, revision)
        REFERENCES ingest.day_closings (organiser_id, school_unit_id, day, revision)
);
CREATE INDEX ON ingest.day_closing_partitions (organiser_id, day) WHERE NOT acknowledged;

CREATE INDEX ON ingest.day_closings (organiser_id, school_unit_id, day) WHERE kind = 'reopened';

-- What was refused and why, without what it said.
CREATE TABLE ingest.rejects (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    reject_id bigint GENERATED ALWAYS AS IDENTITY,
    source_id uuid NOT NULL,
    rejected_at timestamptz NOT NULL,
    resource text NOT NULL,
    code text NOT NULL,
    field text NOT NULL,
    PRIMARY KEY (organiser_id, reject_id)
);
CREATE INDEX ON ingest.rejects (organiser_id, source_id, rejected_at);

DO $$
DECLARE target regclass;
BEGIN
    FOR target IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'ingest'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attname = 'organiser_id'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY tenant ON %s '
            'USING (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid) '
            'WITH CHECK (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid)',
            target);
    END LOOP;
END $$;

-- Before a token is known no organiser is: one lookup by the token's hash, for one row.
CREATE POLICY owner_authenticates ON ingest.sources FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION ingest.source_by_token(wanted bytea) RETURNS SETOF ingest.sources
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT * FROM ingest.sources WHERE token_sha256 = wanted AND revoked_at IS NULL';
REVOKE ALL ON FUNCTION ingest.source_by_token(bytea) FROM PUBLIC;

GRANT USAGE ON SCHEMA ingest TO forvarning_ingest;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ingest TO forvarning_ingest;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ingest TO forvarning_ingest;
GRANT EXECUTE ON FUNCTION ingest.source_by_token(bytea) TO forvarning_ingest;
