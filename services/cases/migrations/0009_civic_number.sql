-- The personnummer, which names the pupil in an anmälan and nowhere else: one pupil at a time, to the
-- service's own work. The table itself stays ingest's alone.
CREATE FUNCTION cases.civic_number(wanted uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF NOT cases.is_system() THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT n.civic_no FROM people.civic_numbers n
            WHERE n.organiser_id = cases.organiser() AND n.pupil_id = wanted);
END $$;
REVOKE ALL ON FUNCTION cases.civic_number(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.civic_number(uuid) TO forvarning_cases;
