-- A lesson that was reported more than 15 minutes ahead waits for its time.
ALTER TABLE ingest.ss12000_events ADD COLUMN due timestamptz;
CREATE INDEX ON ingest.ss12000_events (organiser_id, source_id, due) WHERE due IS NOT NULL;
