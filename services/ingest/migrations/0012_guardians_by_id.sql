-- Whose guardian somebody is, asked from the guardian's side.
CREATE INDEX ON people.guardian_relations (organiser_id, guardian_id);
