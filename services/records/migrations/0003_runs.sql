-- When `forvarning retention run` last came to its end, so that somebody notices when it does not.
CREATE TABLE records.runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Real time, whatever the clock of a local stack says: an alert goes by it.
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_by text NOT NULL,
    -- Rows of all organisers together, by their decisions.
    erased bigint NOT NULL
);
GRANT INSERT ON records.runs TO forvarning_archive;

-- An installation that is new has had nothing to erase: it counts from its first migration.
CREATE FUNCTION records.last_run() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((SELECT max(finished_at) FROM records.runs),
                    (SELECT min(applied_at) FROM migrations.applied))
$$;
REVOKE ALL ON FUNCTION records.last_run() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION records.last_run() TO forvarning_archive, forvarning_cases;
