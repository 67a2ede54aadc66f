-- What notify owns. No name and no address is ever stored here: both are read from people_v1 at
-- the moment of sending, so that a change of protection or address holds at once.
CREATE SCHEMA notify;
GRANT USAGE ON SCHEMA notify TO forvarning_notify;

-- One row per organiser, made at the first event that is seen of it.
CREATE TABLE notify.organisers (
    organiser_id uuid PRIMARY KEY,
    -- School dates before this one wake nobody: the organiser's history was imported.
    wake_from date NOT NULL,
    -- Null = the installation's setting.
    grace_minutes integer CHECK (grace_minutes BETWEEN 0 AND 240),
    first_seen_at timestamptz NOT NULL
);

-- The inbox of ews.warnings.v1: the highest revision whose effects are in this database.
CREATE TABLE notify.threads (
    organiser_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (organiser_id, thread_id)
);

-- The inbox of cases.events.v1.
CREATE TABLE notify.inbox (
    organiser_id uuid NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, message_id)
);
CREATE INDEX inbox_received ON notify.inbox (organiser_id, received_at);

-- The duty of skollagen 7 kap. 17 § and 15 kap. 16 §: one pupil's home is told of one school day.
CREATE TABLE notify.obligations (
    organiser_id uuid NOT NULL,
    obligation_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    -- The revision that last raised it.
    revision bigint NOT NULL,
    pupil_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    school_date date NOT NULL,
    -- waiting: in its grace time. arranged: deliveries exist. The others are final for the day.
    state text NOT NULL CHECK (state IN ('waiting', 'arranged', 'withdrawn', 'suppressed', 'call_home')),
    -- The absence was explained after the state above had been reached.
    excused boolean NOT NULL DEFAULT false,
    reason text NOT NULL DEFAULT '',
    raised_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    settled_at timestamptz,
    PRIMARY KEY (organiser_id, obligation_id),
    UNIQUE (organiser_id, pupil_id, school_date)
);
CREATE INDEX obligations_due ON notify.obligations (organiser_id, due_at) WHERE state = 'waiting';
CREATE INDEX obligations_thread ON notify.obligations (organiser_id, thread_id, school_date);

-- One physical mail or webhook call; its id is its Message-ID or webhook-id on every attempt.
CREATE TABLE notify.messages (
    organiser_id uuid NOT NULL,
    message_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('same_day', 'case')),
    channel text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    recipient_kind text NOT NULL CHECK (recipient_kind IN ('guardian', 'pupil', 'staff')),
    recipient_id uuid NOT NULL,
    school_date date NOT NULL,
    case_id uuid,
    case_number text,
    -- What happened, for a webhook: the type of its payload.
    event_type text,
    occurred_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'cancelled')),
    due_at timestamptz NOT NULL,
    give_up_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- By the database's own clock: whoever claimed it may still be sending.
    leased_until timestamptz,
    sent_at timestamptz,
    PRIMARY KEY (organiser_id, message_id)
);
CREATE INDEX messages_due ON notify.messages (organiser_id, due_at) WHERE state = 'queued';

-- The delivery log: what became of telling one person about one pupil's day or case.
CREATE TABLE notify.deliveries (
    organiser_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('same_day', 'case')),
    state text NOT NULL
        CHECK (state IN ('pending', 'sent', 'failed', 'suppressed', 'call_home', 'withdrawn')),
    reason text NOT NULL DEFAULT '',
    channel text CHECK (channel IN ('mail', 'webhook')),
    obligation_id uuid,
    case_id uuid,
    pupil_id uuid NOT NULL,
    school_unit_id uuid NOT NULL,
    school_date date NOT NULL,
    recipient_id uuid,
    message_id uuid,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, delivery_id)
);
CREATE INDEX deliveries_message ON notify.deliveries (organiser_id, message_id);
CREATE INDEX deliveries_obligation ON notify.deliveries (organiser_id, obligation_id);

-- Every attempt, whatever came of it. `detail` is a code of SMTP or HTTP, never an address.
CREATE TABLE notify.attempts (
    organiser_id uuid NOT NULL,
    message_id uuid NOT NULL,
    attempt integer NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL,
    detail text NOT NULL DEFAULT '',
    PRIMARY KEY (organiser_id, message_id, attempt)
);

-- A webhook that answered 410 Gone, until its owner gives another address.
CREATE TABLE notify.disabled_webhooks (
    organiser_id uuid NOT NULL,
    staff_id uuid NOT NULL,
    url_digest bytea NOT NULL,
    disabled_at timestamptz NOT NULL,
    PRIMARY KEY (organiser_id, staff_id, url_digest)
);

-- The columns of Debezium's outbox router, so that change data capture can take over.
CREATE TABLE notify.outbox (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organiser_id uuid NOT NULL,
    aggregatetype text NOT NULL,
    aggregateid uuid NOT NULL,
    type text NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL,
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON notify.outbox (organiser_id, ordinal) WHERE published_at IS NULL;

-- What could not be read or applied. Bytes only: whose they are cannot be known.
CREATE TABLE notify.dead_letters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    record_offset bigint NOT NULL,
    reason text NOT NULL,
    payload bytea NOT NULL,
    at timestamptz NOT NULL,
    UNIQUE (topic, partition, record_offset)
);

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['organisers', 'threads', 'inbox', 'obligations', 'messages',
                                 'deliveries', 'attempts', 'disabled_webhooks', 'outbox']
    LOOP
        EXECUTE format('ALTER TABLE notify.%I ENABLE ROW LEVEL SECURITY', named);
        EXECUTE format('ALTER TABLE notify.%I FORCE ROW LEVEL SECURITY', named);
        EXECUTE format(
            'CREATE POLICY tenant ON notify.%I '
            'USING (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid) '
            'WITH CHECK (organiser_id = nullif(current_setting(''app.organiser_id'', true), '''')::uuid)',
            named);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON notify.%I TO forvarning_notify', named);
    END LOOP;
END
$$;
-- The log of attempts is only ever added to.
REVOKE UPDATE, DELETE ON notify.attempts FROM forvarning_notify;
GRANT INSERT ON notify.dead_letters TO forvarning_notify;
