-- A school year's partition of cases.absence_days is made by the service itself (Sweep), in good
-- time; rows of a year without one lie in the default partition, and move into it when it is made.

-- The partition of the school year that begins in `first`: with the parent's own policies.
-- False where there is one already.
CREATE FUNCTION cases.make_absence_year(first integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    named text := format('absence_days_%s', first);
    since date;
    until date;
    policy record;
BEGIN
    IF first NOT BETWEEN 2000 AND 2200 THEN
        RAISE EXCEPTION 'no school year: %', first;
    END IF;
    IF to_regclass('cases.' || named) IS NOT NULL THEN
        RETURN false;
    END IF;
    since := make_date(first, 7, 1);
    until := make_date(first + 1, 7, 1);
    -- Nobody writes meanwhile: a row that came now would be looked for in the wrong place.
    LOCK TABLE cases.absence_days IN ACCESS EXCLUSIVE MODE;
    IF to_regclass('cases.' || named) IS NOT NULL THEN
        RETURN false;  -- another process made it while this one waited
    END IF;
    EXECUTE format('CREATE TABLE cases.%I (LIKE cases.absence_days INCLUDING ALL)', named);
    -- The owner, too, sees nothing under FORCE; it is lifted for these two statements.
    ALTER TABLE cases.absence_days_other NO FORCE ROW LEVEL SECURITY;
    EXECUTE format('WITH moved AS (DELETE FROM cases.absence_days_other '
        'WHERE day >= %L AND day < %L RETURNING *) INSERT INTO cases.%I SELECT * FROM moved',
        since, until, named);
    ALTER TABLE cases.absence_days_other FORCE ROW LEVEL SECURITY;
    EXECUTE format('ALTER TABLE cases.absence_days ATTACH PARTITION cases.%I '
        'FOR VALUES FROM (%L) TO (%L)', named, since, until);
    EXECUTE format('ALTER TABLE cases.%I ENABLE ROW LEVEL SECURITY', named);
    EXECUTE format('ALTER TABLE cases.%I FORCE ROW LEVEL SECURITY', named);
    FOR policy IN SELECT policyname, permissive, roles, cmd, qual, with_check FROM pg_policies
                  WHERE schemaname = 'cases' AND tablename = 'absence_days' LOOP
        EXECUTE format('CREATE POLICY %I ON cases.%I AS %s FOR %s TO %s',
                policy.policyname, named, policy.permissive, policy.cmd,
                array_to_string(ARRAY(SELECT quote_ident(r) FROM unnest(policy.roles) r), ', '))
            || coalesce(' USING (' || replace(policy.qual, 'absence_days.', named || '.') || ')', '')
            || coalesce(' WITH CHECK (' || replace(policy.with_check, 'absence_days.', named || '.')
                        || ')', '');
    END LOOP;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION cases.make_absence_year(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.make_absence_year(integer) TO forvarning_cases;
