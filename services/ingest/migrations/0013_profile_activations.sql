-- Which profile is in force where and from when: the case service runs its ladder.
GRANT SELECT ON ingest.profile_activations TO forvarning_cases;
CREATE VIEW people_v1.profile_activations WITH (security_invoker = true) AS
    SELECT organiser_id, profile_id, profile_version, digest, valid_from, school_unit_ids,
           school_forms, activated_at
    FROM ingest.profile_activations;
GRANT SELECT ON people_v1.profile_activations TO forvarning_ingest, forvarning_cases;

-- Juridiskt kön stands in a beställning of a koordinator, and in what is counted of them.
CREATE OR REPLACE VIEW people_v1.pupils WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, given_name, family_name, birth_date, protection, email, phone, sex
    FROM people.pupils;
