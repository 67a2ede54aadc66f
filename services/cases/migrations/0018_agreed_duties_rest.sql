-- What people agreed on rests while its case is closed (store/duties.py). Until now it outlived the
-- closing, and was told of every week.

-- The owner, too, sees nothing under FORCE; it is lifted for this statement.
ALTER TABLE cases.cases NO FORCE ROW LEVEL SECURITY;
ALTER TABLE cases.duties NO FORCE ROW LEVEL SECURITY;
UPDATE cases.duties d SET withdrawn_at = coalesce(c.closed_at, c.updated_at), version = d.version + 1
FROM cases.cases c
WHERE c.organiser_id = d.organiser_id AND c.case_id = d.case_id AND c.state = 'closed'
  AND d.done_at IS NULL AND d.withdrawn_at IS NULL
  AND d.kind IN ('assign_coordinator', 'contact_again', 'correct_register', 'follow_up',
      'follow_up_approach', 'follow_up_plan', 'start_coordination', 'start_intervention');
ALTER TABLE cases.duties FORCE ROW LEVEL SECURITY;
ALTER TABLE cases.cases FORCE ROW LEVEL SECURITY;
