-- What people write in a case's chain, and what is sent because of it.

CREATE TABLE cases.entries (
    organiser_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    -- Null for what is about a class or a unit and no pupil.
    case_id uuid,
    school_unit_id uuid NOT NULL,
    class_id uuid,
    -- The entry that this one hangs on: samråd on its utredning, an insats on its plan.
    parent_id uuid,
    -- Kinds, bodies and statuses: services/cases/domain/entries/registry.py.
    kind text NOT NULL,
    status text NOT NULL,
    body jsonb NOT NULL,
    -- What the law asks of the body, in words that tell nothing else.
    tags text[] NOT NULL DEFAULT '{}',
    sensitivity text NOT NULL CHECK (sensitivity IN ('ordinary', 'health', 'coordination')),
    -- Whom a coordination entry is for, beside the case's coordinators and its author.
    named uuid[] NOT NULL DEFAULT '{}',
    school_date date NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    updated_at timestamptz NOT NULL,
    updated_by uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    PRIMARY KEY (organiser_id, entry_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases,
    FOREIGN KEY (organiser_id, parent_id) REFERENCES cases.entries
);
CREATE INDEX ON cases.entries (organiser_id, case_id, created_at);
CREATE INDEX ON cases.entries (organiser_id, class_id, created_at) WHERE case_id IS NULL;

-- Every version whole, the first one included; nothing in it is ever rewritten.
CREATE TABLE cases.entry_revisions (
    organiser_id uuid NOT NULL,
    entry_id uuid NOT NULL,
    version integer NOT NULL,
    status text NOT NULL,
    body jsonb NOT NULL,
    sensitivity text NOT NULL,
    at timestamptz NOT NULL,
    staff_id uuid NOT NULL,
    PRIMARY KEY (organiser_id, entry_id, version),
    FOREIGN KEY (organiser_id, entry_id) REFERENCES cases.entries
);

-- What leaves a desk, or has come to one from another organiser (design D11).
CREATE TABLE cases.documents (
    organiser_id uuid NOT NULL,
    document_id uuid NOT NULL,
    direction text NOT NULL CHECK (direction IN ('sent', 'received')),
    kind text NOT NULL,
    -- Null in the receiver's tenant until somebody has put it with a case.
    case_id uuid,
    entry_id uuid,
    -- The nil uuid where it concerns the whole organiser.
    school_unit_id uuid NOT NULL,
    -- Who it is from and to, in words; the other organiser where it is one of this installation.
    sender text NOT NULL,
    recipient text NOT NULL,
    other_organiser_id uuid,
    -- Exactly what was sent.
    fields jsonb NOT NULL,
    pdf bytea NOT NULL,
    -- SHA-256 of the fields' canonical JSON followed by the PDF.
    digest bytea NOT NULL,
    created_at timestamptz NOT NULL,
    created_by uuid,
    sent_at timestamptz,
    received_at timestamptz,
    received_by uuid,
    receipt jsonb,
    -- When it was taken over by the elevhälsa's journal system, and its number there.
    journal_at timestamptz,
    journal_reference text,
    PRIMARY KEY (organiser_id, document_id),
    FOREIGN KEY (organiser_id, case_id) REFERENCES cases.cases,
    FOREIGN KEY (organiser_id, entry_id) REFERENCES cases.entries
);
CREATE INDEX ON cases.documents (organiser_id, case_id);
CREATE INDEX ON cases.documents (organiser_id, created_at) WHERE direction = 'sent' AND sent_at IS NULL;

-- What a huvudman has decided for its chain.
CREATE TABLE cases.organiser_settings (
    organiser_id uuid PRIMARY KEY,
    -- Which fields an anmälan carries (services/cases/documents/forms).
    report_form text NOT NULL DEFAULT 'standard',
    -- The law asks for no anmälan in upper secondary school; the huvudman may.
    report_on_upper boolean NOT NULL DEFAULT false
);

-- The kinds of duties are a registry in code (domain/duty_kinds.py); a duty may be about an entry,
-- and may stand with any role.
ALTER TABLE cases.duties DROP CONSTRAINT duties_kind_check;
ALTER TABLE cases.duties DROP CONSTRAINT duties_assigned_as_check;
ALTER TABLE cases.duties
    ADD COLUMN entry_id uuid,
    ADD FOREIGN KEY (organiser_id, entry_id) REFERENCES cases.entries;
CREATE INDEX ON cases.duties (organiser_id, case_id) WHERE done_at IS NULL;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['entries', 'entry_revisions', 'documents', 'organiser_settings'] LOOP
        EXECUTE format('ALTER TABLE cases.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE cases.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY system ON cases.%I TO forvarning_cases '
            'USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system())) '
            'WITH CHECK (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.is_system()))',
            name);
    END LOOP;
END $$;

-- Whose eyes a text is for. Health: elevhälsa, rektor and the author. Coordination: koordinatorer of
-- the unit, those named and the author.
CREATE FUNCTION cases.may_read_entry(sensitivity text, author uuid, named uuid[], unit uuid)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN sensitivity = 'ordinary'
        OR author = cases.viewer()
        OR coalesce(cases.viewer() = ANY (named), false)
        OR (sensitivity = 'health'
            AND coalesce(unit = ANY (cases.units_of('{principal,student_health}')), false))
        OR (sensitivity = 'coordination'
            AND coalesce(unit = ANY (cases.units_of('{coordinator,team_leader}')), false));
END $$;

-- An entry goes with its case; what is about a class is for those who work with the class.
CREATE POLICY people_read ON cases.entries FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser())
    AND cases.may_read_entry(sensitivity, created_by, named, school_unit_id)
    AND CASE WHEN case_id IS NOT NULL THEN EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = entries.organiser_id AND c.case_id = entries.case_id)
        ELSE school_unit_id = ANY ((SELECT cases.units_of(
                '{attendance_officer,principal,student_health}'))::uuid[])
            OR class_id = ANY ((SELECT cases.groups_in_scope())::uuid[]) END);
CREATE POLICY people_write ON cases.entries FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser())
    AND created_by = (SELECT cases.viewer()) AND updated_by = created_by
    AND CASE WHEN case_id IS NOT NULL THEN EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = entries.organiser_id AND c.case_id = entries.case_id)
        ELSE school_unit_id = ANY ((SELECT cases.units_of(
                '{attendance_officer,principal,student_health}'))::uuid[])
            OR class_id = ANY ((SELECT cases.groups_in_scope())::uuid[]) END);
CREATE POLICY people_revise ON cases.entries FOR UPDATE TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser())
    AND cases.may_read_entry(sensitivity, created_by, named, school_unit_id)
    AND CASE WHEN case_id IS NOT NULL THEN EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = entries.organiser_id AND c.case_id = entries.case_id)
        ELSE school_unit_id = ANY ((SELECT cases.units_of(
                '{attendance_officer,principal,student_health}'))::uuid[])
            OR class_id = ANY ((SELECT cases.groups_in_scope())::uuid[]) END)
    WITH CHECK (organiser_id = (SELECT cases.organiser()) AND updated_by = (SELECT cases.viewer()));

CREATE POLICY people_read ON cases.entry_revisions FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND EXISTS (
        SELECT FROM cases.entries e WHERE e.organiser_id = entry_revisions.organiser_id
          AND e.entry_id = entry_revisions.entry_id));
CREATE POLICY people_write ON cases.entry_revisions FOR INSERT TO forvarning_cases WITH CHECK (
    organiser_id = (SELECT cases.organiser()) AND staff_id = (SELECT cases.viewer())
    AND EXISTS (
        SELECT FROM cases.entries e WHERE e.organiser_id = entry_revisions.organiser_id
          AND e.entry_id = entry_revisions.entry_id));

-- A document goes with its case, and to those whose desk it has come to: an anmälan to the
-- huvudman's officer, what another organiser sent to those with a duty for the whole organiser.
CREATE POLICY people_read ON cases.documents FOR SELECT TO forvarning_cases USING (
    organiser_id = (SELECT cases.organiser()) AND (
        (case_id IS NOT NULL AND EXISTS (
            SELECT FROM cases.cases c
            WHERE c.organiser_id = documents.organiser_id AND c.case_id = documents.case_id))
        OR (kind IN ('report_to_organiser', 'report_result', 'home_municipality_notice')
            AND school_unit_id = ANY ((SELECT cases.units_of('{organiser_officer}'))::uuid[]))
        OR (direction = 'received' AND school_unit_id = ANY ((SELECT cases.units_of(
            '{organiser_officer,compulsory_officer,team_leader,coordinator}'))::uuid[]))));

CREATE POLICY people_read ON cases.organiser_settings FOR SELECT TO forvarning_cases
    USING (organiser_id = (SELECT cases.organiser()) AND (SELECT cases.viewer()) IS NOT NULL);

REVOKE ALL ON FUNCTION cases.may_read_entry(text, uuid, uuid[], uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.may_read_entry(text, uuid, uuid[], uuid) TO forvarning_cases;
GRANT SELECT, INSERT, UPDATE ON cases.entries, cases.documents, cases.organiser_settings
    TO forvarning_cases;
GRANT SELECT, INSERT ON cases.entry_revisions TO forvarning_cases;
