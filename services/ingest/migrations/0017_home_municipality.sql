-- Where the pupil lives, as a municipality's code: hemkommunen is to be told of absence when it is
-- another than the school's huvudman (skollagen 7 kap. 22 §, 15 kap. 15 §). Null where the source
-- does not say.
ALTER TABLE people.pupils ADD COLUMN home_municipality text
    CHECK (home_municipality ~ '^[0-9]{4}$');
CREATE OR REPLACE VIEW people_v1.pupils WITH (security_invoker = true) AS
    SELECT organiser_id, pupil_id, given_name, family_name, birth_date, protection, email, phone,
           sex, home_municipality
    FROM people.pupils;
