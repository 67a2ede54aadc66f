-- Signing in with OpenID Connect.

-- A browser that has gone to its provider and is not back yet: what the answer must match (state,
-- nonce, PKCE's verifier). Used once; the sweep forgets those that never came back.
CREATE TABLE cases.sign_in_attempts (
    attempt_hash bytea PRIMARY KEY,
    provider text NOT NULL,
    expected jsonb NOT NULL,
    target text NOT NULL,
    begun_at timestamptz NOT NULL
);
CREATE INDEX ON cases.sign_in_attempts (begun_at);
ALTER TABLE cases.sign_in_attempts ENABLE ROW LEVEL SECURITY;
ALTER TABLE cases.sign_in_attempts FORCE ROW LEVEL SECURITY;
-- It belongs to no organiser yet.
CREATE POLICY system ON cases.sign_in_attempts TO forvarning_cases
    USING ((SELECT cases.is_system())) WITH CHECK ((SELECT cases.is_system()));
GRANT SELECT, INSERT, DELETE ON cases.sign_in_attempts TO forvarning_cases;

-- A session has an account here, or a provider's word; its ID token is what the provider wants to
-- see when the person signs out there, too, and goes with the session.
ALTER TABLE cases.sessions
    ALTER COLUMN account_id DROP NOT NULL,
    ADD COLUMN provider text,
    ADD COLUMN id_token text,
    ADD CHECK ((account_id IS NULL) = (provider IS NOT NULL)),
    ADD CHECK (id_token IS NULL OR provider IS NOT NULL);
