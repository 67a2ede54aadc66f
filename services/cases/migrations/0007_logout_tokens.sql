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
