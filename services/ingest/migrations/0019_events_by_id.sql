-- As attendances (0018): a source belongs to one organiser, so that its id says all that the key needs.
ALTER TABLE ingest.ss12000_events DROP CONSTRAINT ss12000_events_pkey;
ALTER TABLE ingest.ss12000_events ADD PRIMARY KEY (id, source_id);
