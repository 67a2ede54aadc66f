-- The number of a protected pupil's case is in the mentor's list as in everybody's: who is in one's
-- classes is asked by the owner, who sees those pupils too.
ALTER FUNCTION cases.pupils_in_scope() SECURITY DEFINER SET search_path = pg_catalog;

-- Data minimisation (design D11): an anmälan tells the huvudman who and since when. Whoever has no
-- other part in cases than to receive anmälningar sees them and that the case exists: not the
-- warnings, the calendar, the notes and the talks. A case that they opened with a reason, they read.
CREATE FUNCTION cases.desk_only() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT bool_and(m.role IN ('organiser_officer', 'compulsory_officer',
                                                'area_manager', 'board', 'operations'))
                     FROM cases.my_duties() m), false);
END $$;

DO $$
DECLARE t text; condition text;
BEGIN
    FOR t, condition IN VALUES
        ('comments', 'false'),
        ('warnings', 'false'),
        ('case_events', 'kind NOT LIKE ''warning\_%'' AND kind NOT LIKE ''call\_%'' '
            'AND kind NOT LIKE ''notice\_%'' AND kind NOT IN (''commented'', ''closed'')'),
        ('entries', 'kind IN (''report_to_organiser'', ''home_municipality_notice'', ''csn_report'', '
            '''kaa_notice'') OR created_by = (SELECT cases.viewer())')
    LOOP
        EXECUTE format('CREATE POLICY desk ON cases.%I AS RESTRICTIVE FOR SELECT '
            'TO forvarning_cases USING ((SELECT cases.is_system()) OR NOT (SELECT cases.desk_only()) '
            'OR coalesce(case_id = ANY ((SELECT cases.opened_by_me())::uuid[]), false) OR %s)',
            t, condition);
    END LOOP;
    FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'cases' AND c.relname LIKE 'absence\_days%'
               AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('CREATE POLICY desk ON cases.%1$I AS RESTRICTIVE FOR SELECT '
            'TO forvarning_cases USING ((SELECT cases.is_system()) OR NOT (SELECT cases.desk_only()) '
            'OR EXISTS (SELECT FROM cases.cases c WHERE c.organiser_id = %1$I.organiser_id '
            'AND c.pupil_id = %1$I.pupil_id '
            'AND c.case_id = ANY ((SELECT cases.opened_by_me())::uuid[])))', t);
    END LOOP;
END $$;
CREATE POLICY desk ON cases.duties AS RESTRICTIVE FOR SELECT TO forvarning_cases
    USING ((SELECT cases.is_system()) OR NOT (SELECT cases.desk_only()) OR kind <> 'call_home');
CREATE POLICY desk ON cases.deliveries AS RESTRICTIVE FOR SELECT TO forvarning_cases
    USING ((SELECT cases.is_system()) OR NOT (SELECT cases.desk_only()));

REVOKE ALL ON FUNCTION cases.desk_only() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.desk_only() TO forvarning_cases;
