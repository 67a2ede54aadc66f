-- The case service's own schema. Every table is under FORCEd row-level security (design D11):
-- the organiser always, and for people also unit and role, taken from their duties in people_v1.
--
-- Settings of a transaction, all local to it:
--   app.organiser_id  the tenant; without it no row is seen
--   app.staff_id      the signed-in person; empty for the service's own work
--   app.roles         'system' for the service's own work, else what the person's duties say
--   app.today         the school date by the injected clock, for duties that begin and end
CREATE SCHEMA cases;
GRANT USAGE ON SCHEMA cases TO forvarning_cases;

CREATE FUNCTION cases.organiser() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.organiser_id', true), '')::uuid $$;

CREATE FUNCTION cases.viewer() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.staff_id', true), '')::uuid $$;

CREATE FUNCTION cases.today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('app.today', true), '')::date $$;

CREATE FUNCTION cases.is_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT coalesce('system' = ANY (string_to_array(current_setting('app.roles', true), ',')), false) $$;

-- The units that the viewer's duties in these roles cover today. A duty for one class alone is
-- not a duty for its unit (see pupils_in_scope). PL/pgSQL binds to people_v1 when it runs.
CREATE FUNCTION cases.units_of(wanted text[]) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        SELECT DISTINCT u.school_unit_id
        FROM people_v1.duties d
        JOIN people_v1.school_units u
          ON d.school_unit_id = u.school_unit_id
          OR (d.school_unit_id IS NULL AND d.area_id = u.area_id)
          OR (d.school_unit_id IS NULL AND d.area_id IS NULL)
        WHERE d.staff_id = cases.viewer() AND d.role = ANY (wanted) AND d.group_id IS NULL
          AND d.valid_from <= cases.today()
          AND (d.valid_to IS NULL OR d.valid_to > cases.today())
        UNION ALL
        -- Cases whose unit nobody knows stand with whoever has a duty for the whole organiser.
        SELECT '00000000-0000-0000-0000-000000000000'
        FROM people_v1.duties d
        WHERE d.staff_id = cases.viewer() AND d.role = ANY (wanted) AND d.group_id IS NULL
          AND d.school_unit_id IS NULL AND d.area_id IS NULL
          AND d.valid_from <= cases.today()
          AND (d.valid_to IS NULL OR d.valid_to > cases.today()));
END $$;

-- The pupils of the viewer's own classes and groups: a mentor's, or an officer's for one class.
CREATE FUNCTION cases.pupils_in_scope() RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(
        WITH mine AS (
            SELECT d.group_id FROM people_v1.duties d
            WHERE d.staff_id = cases.viewer() AND d.group_id IS NOT NULL
              AND d.valid_from <= cases.today()
              AND (d.valid_to IS NULL OR d.valid_to > cases.today()))
        SELECT p.pupil_id FROM people_v1.placements p JOIN mine ON mine.group_id = p.class_id
        WHERE p.valid_from <= cases.today() AND (p.valid_to IS NULL OR p.valid_to > cases.today())
        UNION
        SELECT m.pupil_id FROM people_v1.memberships m JOIN mine ON mine.group_id = m.group_id
        WHERE m.valid_from <= cases.today() AND (m.valid_to IS NULL OR m.valid_to > cases.today()));
END $$;

-- May the viewer know who a pupil with skyddade personuppgifter is? Only whom the case stands
-- with, and the unit's rektor. Everybody else in scope sees the case's number.
CREATE FUNCTION cases.may_know(protection text, assigned uuid, unit uuid) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce(protection, 'none') = 'none'
        OR cases.is_system()
        OR coalesce(assigned = cases.viewer(), false)
        OR coalesce(unit = ANY (cases.units_of('{principal}')), false);
END $$;

CREATE TABLE cases.case_numbers (
    organiser_id uuid NOT NULL,
    school_year integer NOT NULL,
    last_number integer NOT NULL,
    PRIMARY KEY (organiser_id, school_year)
);

CREATE TABLE cases.cases (
    organiser_id uuid NOT NULL,
    case_id uuid NOT NULL,
    -- Such as F-2026-00042: short enough to read over the phone, and names nobody.
    number text NOT NULL,
    pupil_id uuid NOT NULL,
    school_year integer NOT NULL,
    school_unit_id uuid NOT NULL,
    class_id uuid,
    state text NOT NULL CHECK (state IN ('new', 'acknowledged', 'closed')),
    -- What happened since somebody last took a stand; null when nothing did.
    attention text CHECK (attention IN ('escalated', 'raised', 'withdrawn', 'amended')),
    attention_at timestamptz,
    assigned_staff_id uuid,
    assigned_as text CHECK (assigned_as IN ('attendance_officer', 'principal')),
    -- The highest level among its active warnings; 0 when none is active.
    level integer NOT NULL DEFAULT 0,
    -- The family and sentence of the gravest warning, for lists.
    family text,
    headline text NOT NULL DEFAULT '',
    -- The newest school date that a warning of this case was about.
    school_date date NOT NULL,
    -- False: every fact was older than the age limit when it came, so nobody was woken (D8).
    woke boolean NOT NULL,
    opened_at timestamptz NOT NULL,
    acknowledged_at timestamptz,
    acknowledged_by uuid,
    closed_at timestamptz,
    closed_by uuid,
    close_reason text,
    close_note text,
    version integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, case_id),
    UNIQUE (organiser_id, pupil_id, school_year),
    UNIQUE (organiser_id, number),
    CHECK ((assigned_staff_id IS NULL) = (assigned_as IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL AND close_reason IS NOT NULL))
);
CREATE INDEX ON cases.cases (organiser_id, school_unit_id) WHERE state <> 'closed';
CREATE INDEX ON cases.cases (organiser_id, assigned_staff_id) WHERE state <> 'closed';

CREATE SEQUENCE cases.warning_changes;

-- The highest revision of each warning thread, as it came: the whole snapshot in its own bytes.
CREATE TABLE cases.warnings (
    organiser_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    revision integer NOT NULL,
    family text NOT NULL,
    pupil_id uuid NOT NULL,
    school_year integer NOT NULL,
    school_unit_id uuid,
    class_id uuid,
    case_id uuid,
    incomplete boolean NOT NULL,
    school_date date NOT NULL,
    snapshot bytea NOT NULL,
    caused_at timestamptz,
    -- By the injected clock, and by the server's own, for latency.
    received_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Grows in the order of commits within an organiser: taken under the organiser's lock.
    change_seq bigint NOT NULL DEFAULT nextval('cases.warning_changes'),
    PRIMARY KEY (organiser_id, thread_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases
);
CREATE INDEX ON cases.warnings (organiser_id, pupil_id, school_year);
CREATE INDEX ON cases.warnings (organiser_id, case_id);
CREATE INDEX ON cases.warnings (organiser_id, change_seq);

-- The episodes of those snapshots, laid out for lists.
CREATE TABLE cases.episodes (
    organiser_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    episode_id uuid NOT NULL,
    family text NOT NULL,
    pupil_id uuid NOT NULL,
    school_year integer NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'resolved', 'withdrawn')),
    level integer NOT NULL,
    raised_day date NOT NULL,
    resolved_day date,
    unexplained_minutes integer NOT NULL,
    confirmed_minutes integer NOT NULL,
    lessons integer NOT NULL,
    sentence text NOT NULL,
    PRIMARY KEY (organiser_id, thread_id, episode_id),
    FOREIGN KEY (organiser_id, thread_id) REFERENCES cases.warnings
);
CREATE INDEX ON cases.episodes (organiser_id, family, raised_day);

CREATE TABLE cases.case_events (
    organiser_id uuid NOT NULL,
    event_id uuid NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    case_id uuid NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    -- Null: the system did it.
    actor_staff_id uuid,
    school_date date,
    thread_id uuid,
    thread_revision integer,
    episode_id uuid,
    detail jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organiser_id, event_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases
);
CREATE INDEX ON cases.case_events (organiser_id, case_id, seq);

CREATE TABLE cases.comments (
    organiser_id uuid NOT NULL,
    comment_id uuid NOT NULL,
    case_id uuid NOT NULL,
    at timestamptz NOT NULL,
    author_staff_id uuid NOT NULL,
    body text NOT NULL CHECK (body <> ''),
    PRIMARY KEY (organiser_id, comment_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases
);
CREATE INDEX ON cases.comments (organiser_id, case_id, at);

-- What somebody has to do by a time (D8).
CREATE TABLE cases.duties (
    organiser_id uuid NOT NULL,
    duty_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('acknowledge', 'call_home')),
    pupil_id uuid NOT NULL,
    school_year integer NOT NULL,
    school_unit_id uuid NOT NULL,
    class_id uuid,
    case_id uuid,
    assigned_staff_id uuid,
    assigned_as text CHECK (assigned_as IN ('attendance_officer', 'principal')),
    -- The school date that it is about.
    school_date date NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    -- Why there was no notice: a code of notify's delivery log.
    reason text,
    -- A correction removed the ground: shown, no longer asked for.
    withdrawn_at timestamptz,
    -- Tries that reached nobody; the duty stands until somebody is informed.
    attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    done_at timestamptz,
    done_by uuid,
    outcome text,
    note text,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (organiser_id, duty_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases,
    CHECK ((done_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX ON cases.duties (organiser_id, due_at) WHERE done_at IS NULL;
CREATE INDEX ON cases.duties (organiser_id, pupil_id, school_year);

-- What became of each notice, for the list and the case: no address, no content.
CREATE TABLE cases.deliveries (
    organiser_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    channel text NOT NULL,
    reason text NOT NULL,
    pupil_id uuid NOT NULL,
    school_unit_id uuid,
    school_date date NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, delivery_id)
);
CREATE INDEX ON cases.deliveries (organiser_id, pupil_id, school_date);

-- One pupil's school day, for the calendar. Partitioned by school year: gallring drops one.
CREATE TABLE cases.absence_days (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    day date NOT NULL,
    school_unit_id uuid,
    offered integer NOT NULL,
    reported integer NOT NULL,
    valid integer NOT NULL,
    invalid_unexplained integer NOT NULL,
    invalid_confirmed integer NOT NULL,
    other integer NOT NULL,
    lessons integer NOT NULL,
    lessons_reported integer NOT NULL,
    lessons_absent integer NOT NULL,
    revision integer NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id, day)
) PARTITION BY RANGE (day);
DO $$
BEGIN
    FOR y IN 2022..2036 LOOP
        EXECUTE format('CREATE TABLE cases.absence_days_%s PARTITION OF cases.absence_days '
            'FOR VALUES FROM (%L) TO (%L)', y, make_date(y, 7, 1), make_date(y + 1, 7, 1));
    END LOOP;
    CREATE TABLE cases.absence_days_other PARTITION OF cases.absence_days DEFAULT;
END $$;

CREATE TABLE cases.inbox (
    organiser_id uuid NOT NULL,
    consumer text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, consumer, message_id)
);

-- Column names as Debezium's outbox event router, so that CDC can replace the publisher.
CREATE TABLE cases.outbox (
    organiser_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    aggregatetype text NOT NULL,
    aggregateid text NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    published_at timestamptz,
    PRIMARY KEY (organiser_id, id)
);
CREATE INDEX ON cases.outbox (organiser_id, seq) WHERE published_at IS NULL;

-- What a topic brought that nobody can read: the bytes, why, and where from.
CREATE TABLE cases.dead_letters (
    topic text NOT NULL,
    partition integer NOT NULL,
    log_offset bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    key bytea,
    value bytea,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, log_offset)
);

-- Sign-in of the local stack; OpenID Connect replaces it in production.
CREATE TABLE cases.accounts (
    organiser_id uuid NOT NULL,
    account_id uuid NOT NULL,
    login text NOT NULL CHECK (login = lower(login)),
    staff_id uuid NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, account_id),
    UNIQUE (login)
);

CREATE TABLE cases.sessions (
    organiser_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    account_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    csrf_token text NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, token_hash),
    FOREIGN KEY (organiser_id, account_id) REFERENCES cases.accounts ON DELETE CASCADE
);

-- Failed sign-ins by what was tried (a digest, so that a password typed as login is not kept).
CREATE TABLE cases.login_failures (
    subject bytea NOT NULL,
    failed_at timestamptz NOT NULL,
    attempt_id uuid NOT NULL PRIMARY KEY
);
CREATE INDEX ON cases.login_failures (subject, failed_at);

-- Append-only and hash-chained per organiser: hash = SHA-256(previous hash, fields, digest of
-- detail). The digest outlives the detail, so the chain survives erasure.
CREATE TABLE cases.audit (
    organiser_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    staff_id uuid,
    action text NOT NULL,
    case_id uuid,
    detail jsonb,
    detail_digest bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (organiser_id, seq)
);
CREATE TABLE cases.audit_heads (
    organiser_id uuid PRIMARY KEY,
    seq bigint NOT NULL,
    hash bytea NOT NULL
);
