-- What a row of the tens of millions costs, once more. A source belongs to one organiser, so that its id
-- says all that the key needs.
ALTER TABLE ingest.ss12000_attendances DROP CONSTRAINT ss12000_attendances_pkey;
ALTER TABLE ingest.ss12000_attendances ADD PRIMARY KEY (id, source_id);

-- Nobody asks for attendances by these: their statistics were most of what taking statistics cost, each
-- time that the table had grown.
ALTER TABLE ingest.ss12000_attendances
    ALTER COLUMN id SET STATISTICS 10, ALTER COLUMN calendar_event SET STATISTICS 10,
    ALTER COLUMN organiser_id SET STATISTICS 10, ALTER COLUMN source_id SET STATISTICS 10,
    ALTER COLUMN student SET STATISTICS 0, ALTER COLUMN created SET STATISTICS 0,
    ALTER COLUMN modified SET STATISTICS 0, ALTER COLUMN reported_at SET STATISTICS 0,
    ALTER COLUMN said_ms SET STATISTICS 10, ALTER COLUMN present SET STATISTICS 0,
    ALTER COLUMN valid SET STATISTICS 0, ALTER COLUMN invalid SET STATISTICS 0,
    ALTER COLUMN other SET STATISTICS 0, ALTER COLUMN reported SET STATISTICS 0,
    ALTER COLUMN deleted SET STATISTICS 0;
ALTER TABLE ingest.ss12000_events
    ALTER COLUMN created SET STATISTICS 0, ALTER COLUMN modified SET STATISTICS 0,
    ALTER COLUMN ends SET STATISTICS 0, ALTER COLUMN exceptions SET STATISTICS 0,
    ALTER COLUMN said_digest SET STATISTICS 0, ALTER COLUMN said_pupils SET STATISTICS 0,
    ALTER COLUMN said_starts SET STATISTICS 0, ALTER COLUMN said_ms SET STATISTICS 0,
    ALTER COLUMN teaching_minutes SET STATISTICS 0;
