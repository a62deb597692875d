-- Until when the word on an authentication may be asked for: of a plain log-in as long as its
-- tokens live, of a grant on record as long as that is kept. Before, all were kept 400 days.
ALTER TABLE identity.authentications ADD COLUMN forget_at timestamptz;
UPDATE identity.authentications SET forget_at = authenticated_at + interval '400 days';
ALTER TABLE identity.authentications ALTER COLUMN forget_at SET NOT NULL;
DROP INDEX identity.authentications_by_time;
CREATE INDEX authentications_by_end ON identity.authentications (forget_at);
