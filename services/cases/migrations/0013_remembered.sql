-- What the viewer's duties cover is asked dozens of times for one page: by each policy of each table
-- in each statement. It is worked out once a transaction and remembered there, for as long as the
-- transaction has written nothing itself; a transaction that has asks anew each time.

-- A remembered answer, or null. The key holds everything that an answer goes by.
CREATE FUNCTION cases.recall(question text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL
        THEN nullif(current_setting('app.known_' || md5(question || '|' || current_user || '|'
            || coalesce(current_setting('app.organiser_id', true), '') || '|'
            || coalesce(current_setting('app.staff_id', true), '') || '|'
            || coalesce(current_setting('app.session', true), '') || '|'
            || coalesce(current_setting('app.roles', true), '') || '|'
            || coalesce(current_setting('app.today', true), '') || '|'
            || coalesce(current_setting('app.now', true), '')), true), '') END
$$;
CREATE FUNCTION cases.remember(question text, answer text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL
        THEN set_config('app.known_' || md5(question || '|' || current_user || '|'
            || coalesce(current_setting('app.organiser_id', true), '') || '|'
            || coalesce(current_setting('app.staff_id', true), '') || '|'
            || coalesce(current_setting('app.session', true), '') || '|'
            || coalesce(current_setting('app.roles', true), '') || '|'
            || coalesce(current_setting('app.today', true), '') || '|'
            || coalesce(current_setting('app.now', true), '')), answer, true) END
$$;
REVOKE ALL ON FUNCTION cases.recall(text), cases.remember(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.recall(text), cases.remember(text, text) TO forvarning_cases;

-- Each function keeps its name, which policies hold on to, and asks the one that works it out. That
-- one is planned once: planning it for each call's arguments takes longer than it runs.
DO $$
DECLARE
    asked record;
    defined text;
BEGIN
    FOR asked IN SELECT p.oid, p.proname, p.prosecdef, pg_get_function_arguments(p.oid) AS arguments,
                        pg_get_function_identity_arguments(p.oid) AS wanted
                 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
                 WHERE n.nspname = 'cases' AND p.proname = ANY ('{units_of,pupils_in_scope,
                     groups_in_scope,shared_with_me,opened_by_me,known_protected}') LOOP
        defined := pg_get_functiondef(asked.oid);
        EXECUTE replace(defined, 'FUNCTION cases.' || asked.proname || '(',
                        'FUNCTION cases.' || asked.proname || '_now(');
        EXECUTE format('ALTER FUNCTION cases.%I(%s) SET plan_cache_mode = force_generic_plan',
                       asked.proname || '_now', asked.wanted);
        EXECUTE format('REVOKE ALL ON FUNCTION cases.%I(%s) FROM PUBLIC',
                       asked.proname || '_now', asked.wanted);
        EXECUTE format('GRANT EXECUTE ON FUNCTION cases.%I(%s) TO forvarning_cases',
                       asked.proname || '_now', asked.wanted);
        EXECUTE format($body$
            CREATE OR REPLACE FUNCTION cases.%1$I(%2$s) RETURNS uuid[] LANGUAGE plpgsql STABLE
            %5$s AS $f$
            DECLARE
                question text := %3$L || %4$s;
                answer text := cases.recall(question);
            BEGIN
                IF answer IS NULL THEN
                    answer := coalesce(cases.%6$I(%7$s)::text, '{}');
                    PERFORM cases.remember(question, answer);
                END IF;
                RETURN answer::uuid[];
            END $f$ $body$,
            asked.proname, asked.arguments, asked.proname,
            CASE WHEN asked.wanted = '' THEN quote_literal('') ELSE 'array_to_string(wanted, '','')' END,
            CASE WHEN asked.prosecdef THEN 'SECURITY DEFINER SET search_path = pg_catalog' ELSE '' END,
            asked.proname || '_now', CASE WHEN asked.wanted = '' THEN '' ELSE 'wanted' END);
    END LOOP;
END $$;

-- A case's calls home, done ones too.
CREATE INDEX ON cases.duties (organiser_id, case_id);
