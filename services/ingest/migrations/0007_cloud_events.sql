-- CloudEvents that were accepted, by SHA-256 of (source, id): the same event again changes nothing.
CREATE TABLE ingest.cloud_events (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    key bytea NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, source_id, key),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);
CREATE INDEX ON ingest.cloud_events (organiser_id, accepted_at);
ALTER TABLE ingest.cloud_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest.cloud_events FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ingest.cloud_events
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid)
    WITH CHECK (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.cloud_events TO forvarning_ingest;
