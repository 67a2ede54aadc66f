-- From which school day on what is known of a pupil wakes somebody: the latest cut-over of a source
-- that told of an earlier day (design D8). A pupil of whom no such source told has no row.
CREATE TABLE people.wake_from (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    wake_from date NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id) ON DELETE CASCADE
);
ALTER TABLE people.wake_from ENABLE ROW LEVEL SECURITY;
ALTER TABLE people.wake_from FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON people.wake_from
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid)
    WITH CHECK (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON people.wake_from TO forvarning_ingest;
GRANT SELECT ON people.wake_from TO forvarning_cases, forvarning_notify;

CREATE VIEW people_v1.wake_from WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, wake_from FROM people.wake_from;
GRANT SELECT ON people_v1.wake_from TO forvarning_ingest, forvarning_cases, forvarning_notify;

-- A waiting fact keeps its source's cut-over; null = it is not older.
ALTER TABLE ingest.parked ADD COLUMN wake_from date;
