-- Batch files: parts as they were uploaded, entries once the whole file was checked, answers.
-- Columns named sealed_* hold personal data, encrypted by the application (payments/sealing.py).
CREATE TABLE payments.files (
    id              text        NOT NULL,
    organisation_id text        NOT NULL,
    name            text        NOT NULL,
    definition      text        NOT NULL,
    byte_count      bigint      NOT NULL,
    part_count      integer     NOT NULL,
    digest          bytea       NOT NULL,
    state           text        NOT NULL,
    refusal         text        NOT NULL,
    sealed_detail   bytea,
    message_id      text        NOT NULL,
    created_on      text        NOT NULL,
    entry_count     integer     NOT NULL,
    control_sum     numeric(20, 0) NOT NULL,
    begun_count     integer     NOT NULL,
    settled_count   integer     NOT NULL,
    rejected_count  integer     NOT NULL,
    answer_parts    integer     NOT NULL,
    answer_digest   bytea,
    holder          text        NOT NULL,
    lease_until     timestamptz NOT NULL,
    opened_at       timestamptz NOT NULL,
    answered_at     timestamptz,
    CONSTRAINT files_pk PRIMARY KEY (id),
    CONSTRAINT files_name_unique UNIQUE (organisation_id, name),
    CONSTRAINT files_participant FOREIGN KEY (organisation_id)
        REFERENCES payments.participants (organisation_id),
    CONSTRAINT files_digest_sha256 CHECK (octet_length(digest) = 32),
    CONSTRAINT files_state_known CHECK (state IN (
        'open', 'received', 'accepted', 'done', 'refused', 'answered')),
    CONSTRAINT files_refusal CHECK (
        (refusal = '' OR state IN ('refused', 'answered'))
        AND (refusal <> '' OR state <> 'refused')),
    CONSTRAINT files_counts CHECK (
        0 <= settled_count + rejected_count AND settled_count + rejected_count <= begun_count
        AND begun_count <= entry_count)
);
-- A sender's MsgId stands for one file that was accepted, for ever.
CREATE UNIQUE INDEX files_message_once ON payments.files (organisation_id, message_id)
    WHERE message_id <> '' AND refusal = '';

CREATE TABLE payments.file_parts (
    file_id        text    NOT NULL,
    number         integer NOT NULL,
    byte_count     integer NOT NULL,
    digest         bytea   NOT NULL,
    sealed_content bytea   NOT NULL,
    CONSTRAINT file_parts_pk PRIMARY KEY (file_id, number),
    CONSTRAINT file_parts_file FOREIGN KEY (file_id) REFERENCES payments.files (id)
);
-- A sealed part does not compress; trying costs time.
ALTER TABLE payments.file_parts ALTER COLUMN sealed_content SET STORAGE EXTERNAL;

CREATE TABLE payments.file_entries (
    file_id        text    NOT NULL,
    number         integer NOT NULL,
    block_id       text    NOT NULL,
    instruction_id text    NOT NULL,
    end_to_end_id  text    NOT NULL,
    sealed_entry   bytea   NOT NULL,
    status         text    NOT NULL,
    payment_id     text,
    reason_code    text    NOT NULL,
    reason_text    text    NOT NULL,
    CONSTRAINT file_entries_pk PRIMARY KEY (file_id, number),
    CONSTRAINT file_entries_file FOREIGN KEY (file_id) REFERENCES payments.files (id),
    CONSTRAINT file_entries_payment FOREIGN KEY (payment_id) REFERENCES payments.payments (id),
    CONSTRAINT file_entries_payment_once UNIQUE (payment_id),
    CONSTRAINT file_entries_status_known CHECK (
        status IN ('staged', 'begun', 'settled', 'rejected')),
    CONSTRAINT file_entries_reason CHECK ((reason_code <> '') = (status = 'rejected'))
);
CREATE INDEX file_entries_unfinished ON payments.file_entries (file_id, status, number)
    WHERE status IN ('staged', 'begun');

CREATE TABLE payments.file_answers (
    file_id        text    NOT NULL,
    number         integer NOT NULL,
    sealed_content bytea   NOT NULL,
    CONSTRAINT file_answers_pk PRIMARY KEY (file_id, number),
    CONSTRAINT file_answers_file FOREIGN KEY (file_id) REFERENCES payments.files (id)
);
