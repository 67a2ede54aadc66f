-- A first full reading fills empty tables with millions of rows. Statements are planned while they are
-- empty, when any index is as good as another, and such a plan is kept until statistics are taken: each
-- page would then go through all rows of the source.
CREATE FUNCTION ingest.analyze_ss12000() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $$
BEGIN
    ANALYZE people.ss12000_persons;
    ANALYZE ingest.ss12000_entities;
    ANALYZE ingest.ss12000_refs;
    ANALYZE ingest.ss12000_events;
    ANALYZE ingest.ss12000_attendances;
    ANALYZE ingest.lessons;
    ANALYZE ingest.lesson_targets;
END $$;
REVOKE ALL ON FUNCTION ingest.analyze_ss12000() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingest.analyze_ss12000() TO forvarning_ingest;
