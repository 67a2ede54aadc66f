-- When an Ed-Fi source's class periods are, and what it calls things: its events know no clock.
CREATE TABLE ingest.edfi_mappings (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    mapping jsonb NOT NULL,
    PRIMARY KEY (organiser_id, source_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);
ALTER TABLE ingest.edfi_mappings ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest.edfi_mappings FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ingest.edfi_mappings
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid)
    WITH CHECK (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.edfi_mappings TO forvarning_ingest;
