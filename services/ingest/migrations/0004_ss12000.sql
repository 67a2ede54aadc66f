-- What a source said in the words of SS 12000, so far as later entities refer to it: a calendar event
-- names an activity, that one its groups and its school; an attendance names the event. Entities come
-- in any order, so what refers to something that has not come yet waits here.
--
-- Retention: as the registers that come of them, to the end of the school year + 60 days; the rows of
-- a source go with the source. Names, contacts and identity numbers are in schema `people` only
-- (design D11), which cases and notify read through views that do not have this table.

CREATE TABLE people.ss12000_persons (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    id uuid NOT NULL,
    created timestamptz NOT NULL,
    modified timestamptz NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    -- To be looked at when the source is settled next; stuck = it was, and waits for another entity.
    dirty boolean NOT NULL DEFAULT true,
    stuck boolean NOT NULL DEFAULT false,
    -- Seen since the last whole reading of the resource.
    seen boolean NOT NULL DEFAULT true,
    body jsonb NOT NULL,
    said text,
    PRIMARY KEY (organiser_id, source_id, id)
);
CREATE INDEX ON people.ss12000_persons (organiser_id, source_id) WHERE dirty;
CREATE INDEX ON people.ss12000_persons (organiser_id, source_id) WHERE stuck;

-- Organisations, groups, activities, syllabuses, duties, placements, absences.
CREATE TABLE ingest.ss12000_entities (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    resource text NOT NULL,
    id uuid NOT NULL,
    created timestamptz NOT NULL,
    modified timestamptz NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    dirty boolean NOT NULL DEFAULT true,
    stuck boolean NOT NULL DEFAULT false,
    seen boolean NOT NULL DEFAULT true,
    body jsonb NOT NULL,
    -- An absence: who was said to have reported it.
    said text,
    PRIMARY KEY (organiser_id, source_id, resource, id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);

-- Which entity names which. An array with a GIN index would do, were its operators leakproof: under
-- row-level security no other is used to find rows.
CREATE TABLE ingest.ss12000_refs (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    resource text NOT NULL,
    id uuid NOT NULL,
    target uuid NOT NULL,
    PRIMARY KEY (organiser_id, source_id, resource, id, target)
);
CREATE INDEX ON ingest.ss12000_refs (organiser_id, source_id, target, resource);
CREATE INDEX ON ingest.ss12000_entities (organiser_id, source_id, resource) WHERE dirty;
CREATE INDEX ON ingest.ss12000_entities (organiser_id, source_id, resource) WHERE stuck;

CREATE TABLE ingest.ss12000_events (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    id uuid NOT NULL,
    created timestamptz NOT NULL,
    modified timestamptz NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    dirty boolean NOT NULL DEFAULT true,
    stuck boolean NOT NULL DEFAULT false,
    activity uuid NOT NULL,
    starts timestamptz NOT NULL,
    ends timestamptz NOT NULL,
    cancelled boolean NOT NULL,
    teaching_minutes int,
    -- Pupils of whom something else holds: {pupil: [takes part, minutes or null]}.
    exceptions jsonb,
    -- What was last said of it: as which lesson, to whom as timetabled, and with which modified time.
    said_activity uuid,
    said_starts timestamptz,
    said_digest bytea,
    said_pupils uuid[] NOT NULL DEFAULT '{}',
    said_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organiser_id, source_id, id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);
CREATE INDEX ON ingest.ss12000_events (organiser_id, source_id, activity, starts);
CREATE INDEX ON ingest.ss12000_events (organiser_id, source_id, starts);
CREATE INDEX ON ingest.ss12000_events (organiser_id, source_id) WHERE dirty;
CREATE INDEX ON ingest.ss12000_events (organiser_id, source_id) WHERE stuck;

-- One a pupil and lesson: tens of millions a school year. No reasons, no reporters.
CREATE TABLE ingest.ss12000_attendances (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    id uuid NOT NULL,
    calendar_event uuid NOT NULL,
    student uuid NOT NULL,
    created timestamptz NOT NULL,
    modified timestamptz NOT NULL,
    reported_at timestamptz,
    -- The modified time with which its mark was last said; null = it waits.
    said_ms bigint,
    present smallint NOT NULL,
    valid smallint NOT NULL,
    invalid smallint NOT NULL,
    other smallint NOT NULL,
    reported boolean NOT NULL,
    deleted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, source_id, id)
);
CREATE INDEX ON ingest.ss12000_attendances (organiser_id, source_id, calendar_event, student);

CREATE TABLE ingest.ss12000_state (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    -- Goes up whenever an organisation, group, activity or syllabus changes; caches go by it.
    version bigint NOT NULL DEFAULT 0,
    -- The roster as it was when lessons were last looked at: a newer one may know what they wait for.
    roster_version bigint NOT NULL DEFAULT -1,
    -- A roster that a human must accept waits; what it would do.
    held jsonb,
    -- A whole reading is under way until then at most: nothing is settled in between.
    reading_until timestamptz,
    PRIMARY KEY (organiser_id, source_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);

DO $$
DECLARE target regclass;
BEGIN
    FOREACH target IN ARRAY ARRAY[
        'people.ss12000_persons', 'ingest.ss12000_entities', 'ingest.ss12000_refs',
        'ingest.ss12000_events',
        'ingest.ss12000_attendances', 'ingest.ss12000_state']::regclass[]
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY tenant ON %s '
            'USING (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid) '
            'WITH CHECK (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid)',
            target);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO forvarning_ingest', target);
    END LOOP;
END $$;
