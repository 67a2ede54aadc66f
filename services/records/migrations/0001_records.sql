-- Schema `records`: what is kept how long and by whose decision (services/common/retention.toml),
-- and the certificates of what has been erased.
--
-- The role forvarning_archive reads and erases in every schema, one organiser at a time, under the
-- same row-level security as everybody. Nobody can sign in with it: the operator's command takes it
-- on (SET ROLE), and the function below works as it.
CREATE SCHEMA records;
GRANT USAGE ON SCHEMA records TO forvarning_archive, forvarning_cases;

-- The registry as migrate last wrote it: one row for every store.
CREATE TABLE records.retention (
    store text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('table', 'topic', 'changelog', 'file', 'backup')),
    what text NOT NULL,
    personal text NOT NULL CHECK (personal IN ('none', 'staff', 'surrogate', 'identity')),
    decision_group text NOT NULL,
    days integer NOT NULL,
    counted text NOT NULL,
    kept text NOT NULL,
    -- SQL over t that finds the rows about the pupil $1; only migrate writes it.
    pupil text NOT NULL,
    hidden text[] NOT NULL
);

-- An organiser's gallringsbeslut. Without one nothing of its group is erased.
CREATE TABLE records.decisions (
    organiser_id uuid NOT NULL,
    decision_id uuid NOT NULL,
    decision_group text NOT NULL,
    reference text NOT NULL CHECK (btrim(reference) <> ''),
    decided_on date NOT NULL,
    -- Where the decision has another period than the registry's proposal.
    days integer CHECK (days >= 0),
    registered_at timestamptz NOT NULL,
    registered_by text NOT NULL CHECK (btrim(registered_by) <> ''),
    PRIMARY KEY (organiser_id, decision_id)
);
CREATE INDEX ON records.decisions (organiser_id, decision_group, registered_at);

-- What was erased or handed out: what, how many, by which decision, when. Kept.
CREATE TABLE records.certificates (
    organiser_id uuid NOT NULL,
    certificate_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('retention', 'erasure')),
    -- The random id, of an erasure; it leads to nobody any more.
    pupil_id uuid,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    content jsonb NOT NULL,
    -- SHA-256 of the content's canonical JSON.
    digest bytea NOT NULL,
    PRIMARY KEY (organiser_id, certificate_id)
);

-- Random ids whose pupil is erased: what still comes of them is not taken.
CREATE TABLE records.erased (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    erased_at timestamptz NOT NULL,
    certificate_id uuid NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id)
);

DO $$
DECLARE named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['decisions', 'certificates', 'erased'] LOOP
        EXECUTE format('ALTER TABLE records.%I ENABLE ROW LEVEL SECURITY', named);
        EXECUTE format('ALTER TABLE records.%I FORCE ROW LEVEL SECURITY', named);
    END LOOP;
END $$;
-- The services ask which of some ids are erased, and nothing else of this schema.
CREATE POLICY services_ask ON records.erased FOR SELECT TO forvarning_cases, forvarning_notify
    USING (organiser_id = nullif(current_setting('app.organiser_id', true), '')::uuid);
GRANT USAGE ON SCHEMA records TO forvarning_notify;
GRANT SELECT ON records.erased TO forvarning_cases, forvarning_notify;

-- What the sources call a pupil, and of those names the ones that are UUIDs (SS 12000's).
CREATE FUNCTION records.source_names(wanted uuid) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(name), '{}') FROM (
        SELECT external_id AS name FROM people.external_ids
        WHERE kind = 'pupil' AND entity_id = wanted
        UNION
        SELECT 'civic:' || civic_no FROM people.civic_numbers WHERE pupil_id = wanted) named
$$;
CREATE FUNCTION records.source_ids(wanted uuid) RETURNS uuid[]
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(name::uuid), '{}') FROM unnest(records.source_names(wanted)) AS name
    WHERE name ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
$$;

-- Every table of the services is the archive's to read and to erase from, one organiser at a time;
-- a table without organiser (an unreadable message, a failed sign-in) as a whole. Called after
-- every migration, so that no new table is forgotten.
CREATE FUNCTION records.adopt() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
    condition text;
BEGIN
    FOR found IN
        SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname) AS named,
               c.relrowsecurity AS protected,
               EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
                       AND a.attname = 'organiser_id' AND NOT a.attisdropped) AS tenant,
               EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid
                       AND p.polname = 'archive') AS adopted
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('people', 'ingest', 'cases', 'notify', 'records')
          AND c.relkind IN ('r', 'p')
    LOOP
        IF found.protected AND NOT found.adopted THEN
            condition := CASE WHEN found.tenant THEN
                'organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid'
                ELSE 'true' END;
            EXECUTE format('CREATE POLICY archive ON %s TO forvarning_archive USING (%s) '
                'WITH CHECK (%s)', found.named, condition, condition);
        END IF;
        EXECUTE format('GRANT SELECT ON %s TO forvarning_archive', found.named);
        IF found.nspname <> 'records' AND found.named NOT IN ('cases.audit', 'cases.audit_heads') THEN
            EXECUTE format('GRANT DELETE ON %s TO forvarning_archive', found.named);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION records.adopt() FROM PUBLIC;

GRANT USAGE ON SCHEMA people, people_v1, ingest, cases, notify TO forvarning_archive;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA people_v1 TO forvarning_archive;
GRANT INSERT ON records.decisions, records.certificates, records.erased, ingest.outbox,
    cases.audit, cases.audit_heads TO forvarning_archive;
GRANT DELETE ON records.erased TO forvarning_archive;
-- A detail goes, its digest stays (the chain holds); the head moves with each new row.
GRANT UPDATE (detail) ON cases.audit TO forvarning_archive;
GRANT UPDATE ON cases.audit_heads TO forvarning_archive;
GRANT UPDATE (roster_version) ON people.organisers TO forvarning_archive;
GRANT UPDATE (pupils) ON ingest.buckets TO forvarning_archive;
GRANT UPDATE (said_pupils, exceptions) ON ingest.ss12000_events TO forvarning_archive;
GRANT UPDATE (body) ON ingest.ss12000_entities TO forvarning_archive;
GRANT UPDATE (state, content, note) ON people.held_rosters TO forvarning_archive;
GRANT UPDATE (snapshot) ON cases.warnings TO forvarning_archive;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA ingest TO forvarning_archive;

-- Everything that is kept about one pupil, table by table, as the registry finds it: for the
-- registerutdrag (dataskyddsförordningen art. 15). The case service asks it as its own work, once it
-- knows that the person may; row-level security keeps it to one organiser.
CREATE FUNCTION records.extract(wanted uuid)
RETURNS TABLE (store text, what text, held jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    kept record;
    tenant text := 't.organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid';
BEGIN
    IF NOT coalesce('system' = ANY (string_to_array(current_setting('app.roles', true), ',')), false)
    THEN
        RAISE EXCEPTION 'not asked by the service itself' USING ERRCODE = '42501';
    END IF;
    FOR kept IN SELECT r.store, r.what, r.pupil, r.hidden FROM records.retention r
                WHERE r.kind = 'table' AND r.pupil <> '' ORDER BY r.store LOOP
        store := kept.store;
        what := kept.what;
        EXECUTE format('SELECT coalesce(jsonb_agg(to_jsonb(t) - $2 - ''organiser_id''), ''[]'') '
            'FROM %s t WHERE %s AND (%s)', kept.store,
            CASE WHEN EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = kept.store::regclass
                              AND a.attname = 'organiser_id') THEN tenant ELSE 'true' END,
            kept.pupil) INTO held USING wanted, kept.hidden;
        RETURN NEXT;
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA records TO forvarning_archive;
ALTER FUNCTION records.extract(uuid) OWNER TO forvarning_archive;
REVOKE CREATE ON SCHEMA records FROM forvarning_archive;
REVOKE ALL ON FUNCTION records.extract(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION records.extract(uuid) TO forvarning_cases;
REVOKE ALL ON FUNCTION records.source_names(uuid), records.source_ids(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION records.source_names(uuid), records.source_ids(uuid) TO forvarning_archive;

-- A school year's absence days go as a whole where all organisers that have rows in it have a
-- decision (`agreed`): says how many rows of whom went. Nothing where somebody has none.
CREATE FUNCTION records.drop_absence_year(first integer, agreed uuid[])
RETURNS TABLE (organiser_id uuid, gone bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    named text := format('absence_days_%s', first);
    others boolean;
BEGIN
    IF to_regclass('cases.' || named) IS NULL THEN
        RETURN;
    END IF;
    LOCK TABLE cases.absence_days IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('ALTER TABLE cases.%I NO FORCE ROW LEVEL SECURITY', named);
    EXECUTE format('SELECT EXISTS (SELECT FROM cases.%I t WHERE t.organiser_id <> ALL ($1))', named)
        INTO others USING agreed;
    IF others THEN
        EXECUTE format('ALTER TABLE cases.%I FORCE ROW LEVEL SECURITY', named);
        RETURN;
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT t.organiser_id, count(*) FROM cases.%I t GROUP BY 1', named);
    EXECUTE format('DROP TABLE cases.%I', named);
END $$;
REVOKE ALL ON FUNCTION records.drop_absence_year(integer, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION records.drop_absence_year(integer, uuid[]) TO forvarning_archive;
