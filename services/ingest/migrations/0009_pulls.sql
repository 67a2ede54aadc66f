-- Sources that ingest reads from (SS 12000:2020 as a client). No secret is stored: `secret` is a
-- name that the process looks up in its own settings (services.ingest.sync.secrets).
CREATE TABLE ingest.pulls (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    base_url text NOT NULL,
    auth text NOT NULL CHECK (auth IN ('none', 'bearer', 'client_credentials')),
    secret text CHECK ((auth = 'none') = (secret IS NULL)),
    token_url text,
    client_id text,
    scope text,
    resources text[] NOT NULL,
    -- Where a resource is when it is not where the standard says; resource -> path.
    paths jsonb NOT NULL DEFAULT '{}',
    page_size int NOT NULL CHECK (page_size BETWEEN 1 AND 10000),
    interval_seconds int NOT NULL CHECK (interval_seconds > 0),
    overlap_seconds int NOT NULL CHECK (overlap_seconds >= 0),
    full_every_hours int NOT NULL CHECK (full_every_hours > 0),
    subscribe boolean NOT NULL,
    feedback boolean NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    -- What the source's answers have taught: which paths it has, what it does not offer.
    learned jsonb NOT NULL DEFAULT '{}',
    -- Somebody asks for a run: the webhook, or the operator.
    wanted text CHECK (wanted IN ('delta', 'full')),
    accept_losses boolean NOT NULL DEFAULT false,
    -- Configured then.
    since timestamptz NOT NULL,
    next_at timestamptz NOT NULL,
    -- A full sync is under way since then; a run that ended in it is taken up again.
    full_since timestamptz,
    -- The roster's snapshot of it was handed over, or was about to be.
    snapshot_at timestamptz,
    full_done_at timestamptz,
    last_success_at timestamptz,
    PRIMARY KEY (organiser_id, source_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.sources (organiser_id, source_id)
);

-- How far each resource has been read. Written after what was read is acknowledged.
CREATE TABLE ingest.pull_cursors (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    resource text NOT NULL,
    -- Read completely up to here by the source's clock; null = never read whole.
    high timestamptz,
    -- When the last complete pass ended, by the source's clock.
    ended timestamptz,
    -- When it was last read whole, by ours.
    whole_at timestamptz,
    -- The pass under way.
    reading text CHECK (reading IN ('full', 'delta')),
    pass_started timestamptz,
    pass_after timestamptz,
    span_first timestamptz,
    page_token text,
    newest timestamptz,
    pages int NOT NULL DEFAULT 0,
    -- Deletions listed by the last pass, which the overlap lists again.
    deleted text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (organiser_id, source_id, resource),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.pulls (organiser_id, source_id)
);

CREATE TABLE ingest.pull_runs (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    run_id bigint GENERATED ALWAYS AS IDENTITY,
    kind text NOT NULL CHECK (kind IN ('full', 'delta')),
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text NOT NULL CHECK (outcome IN ('running', 'done', 'held', 'failed')),
    code text,
    detail text,
    pages int NOT NULL DEFAULT 0,
    -- resource -> outcome -> number of entities
    counts jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organiser_id, source_id, run_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.pulls (organiser_id, source_id)
);

-- What could not be used, by kind: never what it said.
CREATE TABLE ingest.pull_problems (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    resource text NOT NULL,
    code text NOT NULL,
    field text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('Info', 'Warning', 'Error')),
    -- One of them, by the source's own id.
    sample text NOT NULL,
    entities int NOT NULL,
    run_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    reported boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, source_id, run_id, resource, code, field),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.pulls (organiser_id, source_id)
);

CREATE TABLE ingest.pull_hooks (
    organiser_id uuid NOT NULL,
    source_id uuid NOT NULL,
    -- SHA-256 of 256 random bits in the webhook's address.
    hook_sha256 bytea NOT NULL UNIQUE,
    -- The subscription's id at the source; null until it has answered.
    subscription text,
    created_at timestamptz NOT NULL,
    expires timestamptz,
    PRIMARY KEY (organiser_id, source_id),
    FOREIGN KEY (organiser_id, source_id) REFERENCES ingest.pulls (organiser_id, source_id)
);

DO $$
DECLARE target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['pulls', 'pull_cursors', 'pull_runs', 'pull_problems', 'pull_hooks']
    LOOP
        EXECUTE format('ALTER TABLE ingest.%I ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE ingest.%I FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY tenant ON ingest.%I '
            'USING (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid) '
            'WITH CHECK (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid)',
            target);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ingest.%I TO forvarning_ingest', target);
    END LOOP;
END $$;

-- A webhook carries no tenant: one lookup by the hash of its address, for one row.
CREATE POLICY owner_finds ON ingest.pull_hooks FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION ingest.hook_by_hash(wanted bytea) RETURNS TABLE (organiser_id uuid, source_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT organiser_id, source_id FROM ingest.pull_hooks WHERE hook_sha256 = wanted';
REVOKE ALL ON FUNCTION ingest.hook_by_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ingest.hook_by_hash(bytea) TO forvarning_ingest;
