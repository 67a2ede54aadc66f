-- A timetable's events are looked at in the order of their ids, each round behind the one before it. What
-- was looked at stays in the index until the next vacuum, and half a million of such entries were passed
-- over again in each of a thousand rounds.
DO $$
DECLARE old regclass;
BEGIN
    -- Its name was PostgreSQL's own choice.
    SELECT indexrelid::regclass INTO STRICT old FROM pg_index
        WHERE indrelid = 'ingest.ss12000_events'::regclass
        AND pg_get_expr(indpred, indrelid) = 'dirty';
    EXECUTE format('DROP INDEX %s', old);
END $$;
CREATE INDEX ss12000_events_dirty ON ingest.ss12000_events (organiser_id, source_id, id) WHERE dirty;
