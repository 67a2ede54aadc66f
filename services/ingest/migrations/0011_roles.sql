-- The people further along the chain: who leads the coordinators, answers for an area, receives
-- anmälningar, watches over skolplikt, sits in the nämnd, and runs the system.
ALTER TABLE people.duties DROP CONSTRAINT duties_role_check;
ALTER TABLE people.duties ADD CONSTRAINT duties_role_check CHECK (role IN (
    'mentor', 'attendance_officer', 'principal', 'student_health', 'coordinator', 'team_leader',
    'area_manager', 'organiser_officer', 'compulsory_officer', 'board', 'operations'));
-- Whoever asks for a page has duties, and few pupils are protected: both are asked at each call.
CREATE INDEX ON people.duties (organiser_id, staff_id);
CREATE INDEX ON people.pupils (organiser_id, pupil_id) WHERE protection <> 'none';
