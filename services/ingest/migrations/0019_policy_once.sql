-- Of the two largest tables, whose rows a transaction sees is asked once a statement and no more for each
-- of its rows: with half a million lessons the setting's text was read as an id half a million times, two
-- thirds of what a look through them cost. A policy's subquery is run once, before the first row.
--
-- Not of the others: the planner does not know what a subquery will give, and takes every organiser for
-- one of middling size. A municipality's pupils were then compared each with each.
ALTER POLICY tenant ON ingest.ss12000_attendances
    USING (organiser_id = (SELECT nullif(current_setting('app.organiser_id', true), '')::uuid))
    WITH CHECK (organiser_id = (SELECT nullif(current_setting('app.organiser_id', true), '')::uuid));
ALTER POLICY tenant ON ingest.lessons
    USING (organiser_id = (SELECT nullif(current_setting('app.organiser_id', true), '')::uuid))
    WITH CHECK (organiser_id = (SELECT nullif(current_setting('app.organiser_id', true), '')::uuid));
