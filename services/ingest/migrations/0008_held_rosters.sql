-- Rosters that a human must decide on. Names stand in them, so they lie in this schema, for ingest
-- alone; the content goes when it is decided, the decision stays.
CREATE TABLE people.held_rosters (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    held_id uuid NOT NULL,
    source_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'applied', 'dropped', 'superseded')),
    received_at timestamptz NOT NULL,
    reasons jsonb NOT NULL,
    -- RosterIn as JSON, gzip; null once decided.
    content bytea,
    decided_at timestamptz,
    decided_by text,
    note text,
    PRIMARY KEY (organiser_id, held_id),
    CHECK ((state = 'waiting') = (content IS NOT NULL)),
    CHECK (state IN ('waiting', 'superseded') OR decided_by IS NOT NULL)
);
CREATE UNIQUE INDEX ON people.held_rosters (organiser_id, source_id) WHERE state = 'waiting';
ALTER TABLE people.held_rosters ENABLE ROW LEVEL SECURITY;
ALTER TABLE people.held_rosters FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people.held_rosters
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid)
    WITH CHECK (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON people.held_rosters TO forvarning_ingest;
