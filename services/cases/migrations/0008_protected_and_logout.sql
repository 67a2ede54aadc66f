-- What a provider's back channel has said already: each of its logout tokens counts once.
CREATE TABLE cases.logout_tokens (
    token_hash bytea PRIMARY KEY,
    seen_at timestamptz NOT NULL
);
CREATE INDEX ON cases.logout_tokens (seen_at);
ALTER TABLE cases.logout_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases.logout_tokens FORCE ROW LEVEL SECURITY;
-- It belongs to no organiser yet.
CREATE POLICY system ON cases.logout_tokens TO forvarning_cases
    USING ((SELECT cases.is_system())) WITH CHECK ((SELECT cases.is_system()));
GRANT SELECT, INSERT, DELETE ON cases.logout_tokens TO forvarning_cases;

-- The line that a case was read outside one's duties has a kind of its own.
DROP POLICY opened_is_read_only ON cases.case_events;
CREATE POLICY opened_is_read_only ON cases.case_events AS RESTRICTIVE FOR INSERT
    TO forvarning_cases
    WITH CHECK ((SELECT cases.is_system()) OR kind = 'read_outside'
                OR NOT case_id = ANY ((SELECT cases.opened_by_me())::uuid[]));

-- Skyddade personuppgifter: whoever sees the case's number only sees nothing that was written in
-- it, neither of the calendar. A text may name the pupil, whatever the page does with it.
CREATE FUNCTION cases.hidden_pupils() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ARRAY(SELECT unnest(cases.protected_pupils())
                 EXCEPT SELECT unnest(cases.known_protected()))
$$;
CREATE FUNCTION cases.hidden_cases() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ARRAY(SELECT c.case_id FROM cases.cases c
                 WHERE c.organiser_id = cases.organiser()
                   AND c.pupil_id = ANY (cases.hidden_pupils()))
$$;
DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY '{comments,case_events,entries,documents}'::text[] LOOP
        EXECUTE format('CREATE POLICY protected ON cases.%I AS RESTRICTIVE TO forvarning_cases '
            'USING ((SELECT cases.is_system()) OR case_id IS NULL '
            'OR NOT case_id = ANY ((SELECT cases.hidden_cases())::uuid[])) WITH CHECK (true)', t);
    END LOOP;
    FOR t IN SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'cases' AND c.relname LIKE 'absence\_days%'
               AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('CREATE POLICY protected ON cases.%I AS RESTRICTIVE TO forvarning_cases '
            'USING ((SELECT cases.is_system()) '
            'OR NOT pupil_id = ANY ((SELECT cases.hidden_pupils())::uuid[])) WITH CHECK (true)', t);
    END LOOP;
END $$;

-- Whoever has merely opened a case writes nothing of the chain either.
CREATE POLICY opened_is_read_only ON cases.entries AS RESTRICTIVE FOR INSERT TO forvarning_cases
    WITH CHECK ((SELECT cases.is_system()) OR case_id IS NULL
                OR NOT case_id = ANY ((SELECT cases.opened_by_me())::uuid[]));
CREATE POLICY opened_revises_nothing ON cases.entries AS RESTRICTIVE FOR UPDATE
    TO forvarning_cases
    USING ((SELECT cases.is_system()) OR case_id IS NULL
           OR NOT case_id = ANY ((SELECT cases.opened_by_me())::uuid[]));

-- The anmälan has been written: the huvudman's officer sees the case from now on. Here, and not in
-- the program, so that no way of sending one can forget it.
CREATE POLICY owner_marks ON cases.cases FOR UPDATE TO forvarning_owner
    USING (organiser_id = (SELECT cases.organiser()))
    WITH CHECK (organiser_id = (SELECT cases.organiser()));
CREATE FUNCTION cases.mark_reported() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    UPDATE cases.cases c SET reported_at = NEW.created_at, reported_track = CASE
        WHEN (SELECT l.school_form FROM people.placements l
              WHERE l.organiser_id = c.organiser_id AND l.pupil_id = c.pupil_id
              ORDER BY (l.valid_from <= cases.today()
                        AND (l.valid_to IS NULL OR l.valid_to > cases.today())) DESC,
                       l.valid_from DESC LIMIT 1) IN ('GY', 'GYS')
        THEN 'upper_secondary' ELSE 'compulsory' END
    WHERE c.organiser_id = NEW.organiser_id AND c.case_id = NEW.case_id AND c.reported_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER reported AFTER INSERT ON cases.documents FOR EACH ROW
    WHEN (NEW.kind = 'report_to_organiser' AND NEW.direction = 'sent' AND NEW.case_id IS NOT NULL)
    EXECUTE FUNCTION cases.mark_reported();

REVOKE ALL ON FUNCTION cases.hidden_pupils(), cases.hidden_cases(), cases.mark_reported()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.hidden_pupils(), cases.hidden_cases() TO forvarning_cases;
