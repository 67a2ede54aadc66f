-- Schema `people`: who is who. Names and contacts are here and nowhere else (design D11).
-- ingest owns the writing; cases and notify read the views of people_v1 under row-level security.
-- Every key begins with organiser_id, so that no foreign key can point into another tenant.
-- Spans are dates; valid_to is exclusive and null while open.

CREATE SCHEMA people;
CREATE SCHEMA people_v1;
REVOKE ALL ON SCHEMA people, people_v1 FROM PUBLIC;

CREATE TABLE people.organisers (
    organiser_id uuid PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('municipal', 'independent')),
    municipality_code text NOT NULL DEFAULT '',
    phone text NOT NULL DEFAULT '',
    -- Goes up with every roster applied; caches go by it.
    roster_version bigint NOT NULL DEFAULT 0
);

CREATE TABLE people.areas (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    area_id uuid NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (organiser_id, area_id)
);

CREATE TABLE people.school_units (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    school_unit_id uuid NOT NULL,
    school_unit_code text,
    name text NOT NULL,
    area_id uuid,
    school_forms text[] NOT NULL DEFAULT '{}',
    closes_at time NOT NULL DEFAULT '18:00',
    -- Left the roster; lessons for it are refused from then on.
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, school_unit_id),
    FOREIGN KEY (organiser_id, area_id) REFERENCES people.areas (organiser_id, area_id)
);

-- What a unit is called in each family of sources (ingest.sources.namespace).
CREATE TABLE people.school_unit_codes (
    organiser_id uuid NOT NULL,
    namespace text NOT NULL,
    code text NOT NULL,
    school_unit_id uuid NOT NULL,
    PRIMARY KEY (organiser_id, namespace, code),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE people.calendars (
    organiser_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    school_year int NOT NULL,
    terms jsonb NOT NULL,
    free jsonb NOT NULL,
    PRIMARY KEY (organiser_id, school_unit_id, school_year),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE people.groups (
    organiser_id uuid NOT NULL,
    group_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('class', 'mentor', 'teaching')),
    grade int,
    name text NOT NULL,
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, group_id),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id)
);

CREATE TABLE people.pupils (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    pupil_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    birth_date date NOT NULL,
    sex text NOT NULL CHECK (sex IN ('female', 'male', 'unknown')),
    protection text NOT NULL CHECK (protection IN ('none', 'confidential', 'protected_registration')),
    email text,
    phone text,
    -- Left the roster; the row stays until it is erased by decision.
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, pupil_id)
);

-- Personnummer: apart from everything else, granted to ingest alone and shown by no view. Needed to
-- match two sources that name the same pupil differently, and later to name the pupil in an
-- anmälan. Kept as written, under row-level security: a keyed hash beside it would protect nothing,
-- and a hash alone could name nobody.
CREATE TABLE people.civic_numbers (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    civic_no text NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id),
    UNIQUE (organiser_id, civic_no),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id)
);

-- One row per school year: a home lives for one.
CREATE TABLE people.placements (
    organiser_id uuid NOT NULL,
    placement_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    class_id uuid,
    school_form text NOT NULL CHECK (school_form IN ('FKLASS', 'GR', 'GRS', 'SP', 'SAM', 'GY', 'GYS')),
    grade int NOT NULL,
    school_year int NOT NULL,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to > valid_from),
    PRIMARY KEY (organiser_id, placement_id),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id),
    FOREIGN KEY (organiser_id, class_id) REFERENCES people.groups (organiser_id, group_id)
);
CREATE INDEX ON people.placements (organiser_id, pupil_id, school_year);
CREATE INDEX ON people.placements (organiser_id, school_unit_id, school_year);

CREATE TABLE people.memberships (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    group_id uuid NOT NULL,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to > valid_from),
    PRIMARY KEY (organiser_id, pupil_id, group_id, valid_from),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id),
    FOREIGN KEY (organiser_id, group_id) REFERENCES people.groups (organiser_id, group_id)
);
CREATE INDEX ON people.memberships (organiser_id, group_id);

CREATE TABLE people.guardians (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    guardian_id uuid NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    email text,
    phone text,
    PRIMARY KEY (organiser_id, guardian_id)
);

CREATE TABLE people.guardian_relations (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    guardian_id uuid NOT NULL,
    relation text NOT NULL,
    PRIMARY KEY (organiser_id, pupil_id, guardian_id),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id),
    FOREIGN KEY (organiser_id, guardian_id) REFERENCES people.guardians (organiser_id, guardian_id)
);

CREATE TABLE people.staff (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    staff_id uuid NOT NULL,
    login text,
    given_name text NOT NULL,
    family_name text NOT NULL,
    email text,
    webhook_url text,
    webhook_secret text,
    removed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (organiser_id, staff_id),
    UNIQUE (organiser_id, login)
);

CREATE TABLE people.duties (
    organiser_id uuid NOT NULL,
    duty_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('mentor', 'attendance_officer', 'principal', 'student_health', 'coordinator')),
    area_id uuid,
    school_unit_id uuid,
    group_id uuid,
    grades int[] NOT NULL DEFAULT '{}',
    substitute boolean NOT NULL DEFAULT false,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to > valid_from),
    PRIMARY KEY (organiser_id, duty_id),
    FOREIGN KEY (organiser_id, staff_id) REFERENCES people.staff (organiser_id, staff_id),
    FOREIGN KEY (organiser_id, area_id) REFERENCES people.areas (organiser_id, area_id),
    FOREIGN KEY (organiser_id, school_unit_id) REFERENCES people.school_units (organiser_id, school_unit_id),
    FOREIGN KEY (organiser_id, group_id) REFERENCES people.groups (organiser_id, group_id)
);
CREATE INDEX ON people.duties (organiser_id, school_unit_id);

-- Särskilda skäl (skollagen 7 kap. 17 §): why guardians are not told the same day.
CREATE TABLE people.notice_suppressions (
    organiser_id uuid NOT NULL,
    pupil_id uuid NOT NULL,
    reason text NOT NULL,
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to > valid_from),
    PRIMARY KEY (organiser_id, pupil_id, valid_from),
    FOREIGN KEY (organiser_id, pupil_id) REFERENCES people.pupils (organiser_id, pupil_id)
);

-- What the sources call things. An id once given keeps its meaning.
CREATE TABLE people.external_ids (
    organiser_id uuid NOT NULL REFERENCES people.organisers,
    namespace text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('area', 'school_unit', 'group', 'pupil', 'guardian', 'staff', 'duty')),
    external_id text NOT NULL,
    entity_id uuid NOT NULL,
    PRIMARY KEY (organiser_id, namespace, kind, external_id)
);
CREATE INDEX ON people.external_ids (organiser_id, entity_id);

DO $$
DECLARE target regclass;
BEGIN
    FOR target IN SELECT oid FROM pg_class
        WHERE relnamespace = 'people'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', target);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', target);
        EXECUTE format('CREATE POLICY tenant ON %s '
            'USING (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid) '
            'WITH CHECK (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid)',
            target);
    END LOOP;
END $$;

-- The owner may list organisers: only inside the function below, which gives ids and nothing else.
CREATE POLICY owner_lists ON people.organisers FOR SELECT TO CURRENT_USER USING (true);
CREATE FUNCTION people_v1.organiser_ids() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS 'SELECT organiser_id FROM people.organisers ORDER BY organiser_id';
REVOKE ALL ON FUNCTION people_v1.organiser_ids() FROM PUBLIC;

CREATE VIEW people_v1.organisers WITH (security_invoker = true) AS
    SELECT organiser_id, name, kind, municipality_code, phone FROM people.organisers;
CREATE VIEW people_v1.areas WITH (security_invoker = true) AS
    SELECT organiser_id, area_id, name FROM people.areas;
CREATE VIEW people_v1.school_units WITH (security_invoker = true) AS
    SELECT organiser_id, school_unit_id, school_unit_code, name, area_id, closes_at FROM people.school_units;
CREATE VIEW people_v1.calendars WITH (security_invoker = true) AS
    SELECT organiser_id, school_unit_id, school_year, terms, free FROM people.calendars;
CREATE VIEW people_v1.groups WITH (security_invoker = true) AS
    SELECT organiser_id, group_id, school_unit_id, kind, grade, name FROM people.groups;
CREATE VIEW people_v1.pupils WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, given_name, family_name, birth_date, protection, email, phone FROM people.pupils;
CREATE VIEW people_v1.placements WITH (security_invoker = true) AS
    SELECT organiser_id, placement_id, pupil_id, school_unit_id, class_id, school_form, grade, school_year,
           valid_from, valid_to
    FROM people.placements;
CREATE VIEW people_v1.memberships WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, group_id, valid_from, valid_to FROM people.memberships;
CREATE VIEW people_v1.guardians WITH (security_invoker = true) AS
    SELECT organiser_id, r.pupil_id, guardian_id, r.relation, g.given_name, g.family_name, g.email, g.phone
    FROM people.guardian_relations r JOIN people.guardians g USING (organiser_id, guardian_id);
CREATE VIEW people_v1.staff WITH (security_invoker = true) AS
    SELECT organiser_id, staff_id, login, given_name, family_name, email, webhook_url, webhook_secret
    FROM people.staff WHERE NOT removed;
CREATE VIEW people_v1.duties WITH (security_invoker = true) AS
    SELECT d.organiser_id, d.duty_id, d.staff_id, d.role, d.area_id, d.school_unit_id, d.group_id, d.grades,
           d.substitute, d.valid_from, d.valid_to
    FROM people.duties d JOIN people.staff s USING (organiser_id, staff_id) WHERE NOT s.removed;
CREATE VIEW people_v1.notice_suppressions WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, reason, valid_from, valid_to FROM people.notice_suppressions;

GRANT USAGE ON SCHEMA people, people_v1 TO forvarning_ingest, forvarning_cases, forvarning_notify;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA people TO forvarning_ingest;
GRANT SELECT ON ALL TABLES IN SCHEMA people_v1 TO forvarning_ingest, forvarning_cases, forvarning_notify;
GRANT EXECUTE ON FUNCTION people_v1.organiser_ids() TO forvarning_ingest, forvarning_cases, forvarning_notify;
-- A security_invoker view needs the reader's own right to what it shows; the personnummer and the
-- sources' ids are not among it.
GRANT SELECT ON people.organisers, people.areas, people.school_units, people.calendars, people.groups,
    people.pupils, people.placements, people.memberships, people.guardians, people.guardian_relations,
    people.staff, people.duties, people.notice_suppressions TO forvarning_cases, forvarning_notify;
