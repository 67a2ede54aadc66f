-- What a transaction remembers (0013) stands under a name of its own for each question, and says whose
-- answer it is in its value. The name held that before: a connection keeps every name it has ever
-- set, and each transaction has another app.now.

-- Everything that an answer goes by, but for the question and who runs it.
CREATE OR REPLACE FUNCTION cases.asked_by() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT md5(coalesce(current_setting('app.organiser_id', true), '') || '|'
        || coalesce(current_setting('app.staff_id', true), '') || '|'
        || coalesce(current_setting('app.session', true), '') || '|'
        || coalesce(current_setting('app.roles', true), '') || '|'
        || coalesce(current_setting('app.today', true), '') || '|'
        || coalesce(current_setting('app.now', true), ''))
$$;
REVOKE ALL ON FUNCTION cases.asked_by() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.asked_by() TO forvarning_cases;

CREATE OR REPLACE FUNCTION cases.recall(question text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL
        AND left(current_setting('app.known_' || md5(question || '|' || current_user), true), 32)
            = cases.asked_by()
        THEN substr(current_setting('app.known_' || md5(question || '|' || current_user), true), 33)
        END
$$;
CREATE OR REPLACE FUNCTION cases.remember(question text, answer text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN pg_current_xact_id_if_assigned() IS NULL
        THEN set_config('app.known_' || md5(question || '|' || current_user),
                        cases.asked_by() || answer, true) END
$$;
