-- Open duties stand where their case stands. Until now they stayed behind when a warning moved a case
-- that the same person went on holding, or a closed one, and when a case took up a call home that
-- was there before it.

-- The owner, too, sees nothing under FORCE; it is lifted for this statement.
ALTER TABLE cases.cases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE cases.duties NO FORCE ROW LEVEL SECURITY;
UPDATE cases.duties d SET
    school_unit_id = c.school_unit_id, class_id = c.class_id, version = d.version + 1
FROM cases.cases c
WHERE c.organiser_id = d.organiser_id AND c.case_id = d.case_id AND d.done_at IS NULL
  AND (d.school_unit_id, d.class_id) IS DISTINCT FROM (c.school_unit_id, c.class_id);
ALTER TABLE cases.duties FORCE ROW LEVEL SECURITY;
ALTER TABLE cases.cases FORCE ROW LEVEL SECURITY;
