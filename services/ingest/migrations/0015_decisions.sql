-- Which reading of which resource was judged: what it lacked is gone, once. A process that is killed in
-- the middle does it again, and what is done already is not done twice.
ALTER TABLE ingest.ss12000_state ADD COLUMN closed jsonb NOT NULL DEFAULT '{}';

-- What a human decided about a source, who and when. It names no pupil, and is only added to.
CREATE TABLE ingest.decisions (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    decision_id bigint GENERATED ALWAYS AS IDENTITY,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('accept_losses', 'cut_over')),
    -- For a cut-over: the date before and after, and how many pupils' days moved with it.
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organiser_id, source_id, decision_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);
ALTER TABLE ingest.decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest.decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON ingest.decisions
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid)
    WITH CHECK (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT SELECT, INSERT ON ingest.decisions TO forvarning_ingest;
