-- A pupil of a source that is read or pushes in SS 12000 who is perhaps another source's: neither
-- source's personnummer tells. The person waits on the shelf until a human or a personnummer has said.
ALTER TABLE people.ss12000_persons ADD COLUMN in_doubt boolean NOT NULL DEFAULT false;
CREATE INDEX ON people.ss12000_persons (organiser_id, source_id) WHERE in_doubt;
