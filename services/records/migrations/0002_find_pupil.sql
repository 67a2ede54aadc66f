-- Whose registerutdrag is asked for: by personnummer, by a case's number, or by the random id.
-- Asked by the case service as its own work; row-level security keeps it to one organiser.
CREATE FUNCTION records.find_pupil(wanted text) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    digits text := regexp_replace(wanted, '[^0-9]', '', 'g');
BEGIN
    IF NOT coalesce('system' = ANY (string_to_array(current_setting('app.roles', true), ',')), false)
    THEN
        RAISE EXCEPTION 'not asked by the service itself' USING ERRCODE = '42501';
    END IF;
    RETURN coalesce(
        (SELECT c.pupil_id FROM cases.cases c WHERE c.number = upper(btrim(wanted))),
        (SELECT n.pupil_id FROM people.civic_numbers n
         WHERE length(digits) = 12 AND regexp_replace(n.civic_no, '[^0-9]', '', 'g') = digits),
        (SELECT p.pupil_id FROM people.pupils p WHERE p.pupil_id::text = lower(btrim(wanted))));
END $$;
GRANT CREATE ON SCHEMA records TO forvarning_archive;
ALTER FUNCTION records.find_pupil(text) OWNER TO forvarning_archive;
REVOKE CREATE ON SCHEMA records FROM forvarning_archive;
REVOKE ALL ON FUNCTION records.find_pupil(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION records.find_pupil(text) TO forvarning_cases;
