-- Documents between organisers (design D11). Two questions are asked of all organisers at once, by
-- functions of the owner with narrow answers: which of them has the code of a municipality, and which
-- have something to carry.
CREATE POLICY owner_carries ON cases.documents FOR SELECT TO forvarning_owner USING (true);

CREATE FUNCTION cases.organiser_of_municipality(code text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT organiser_id FROM people.organisers
    WHERE kind = 'municipal' AND municipality_code = code AND code <> ''
    ORDER BY organiser_id LIMIT 1
$$;

CREATE FUNCTION cases.organisers_with_documents() RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT DISTINCT organiser_id FROM cases.documents
    WHERE other_organiser_id IS NOT NULL
      AND ((direction = 'sent' AND sent_at IS NULL)
           OR (direction = 'received' AND received_at IS NOT NULL AND receipt IS NULL))
$$;

REVOKE ALL ON FUNCTION cases.organiser_of_municipality(text), cases.organisers_with_documents()
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cases.organiser_of_municipality(text), cases.organisers_with_documents()
    TO forvarning_cases;

CREATE INDEX ON cases.documents (organiser_id) WHERE direction = 'received' AND receipt IS NULL;

-- Which municipality's koordinatorer a huvudman orders from; its own where nothing is said.
ALTER TABLE cases.organiser_settings ADD COLUMN coordination_municipality text NOT NULL DEFAULT '';
