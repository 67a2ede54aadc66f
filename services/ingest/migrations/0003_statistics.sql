-- An organiser's first roster fills these tables in one transaction. Until autovacuum has come by,
-- the planner expects no row of that organiser and joins its pupils by comparing each with each.
CREATE FUNCTION ingest.analyze_roster() RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
    AS $$
BEGIN
    ANALYZE people.external_ids;
    ANALYZE people.guardian_relations;
    ANALYZE people.guardians;
    ANALYZE people.memberships;
    ANALYZE people.placements;
    ANALYZE people.pupils;
    ANALYZE ingest.homes;
    ANALYZE ingest.pupil_homes;
END $$;
REVOKE ALL ON FUNCTION ingest.analyze_roster() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingest.analyze_roster() TO forvarning_ingest;
