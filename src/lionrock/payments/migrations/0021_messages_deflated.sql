-- Messages are compressed before they are sealed: XML gets a third as long, the row fits beside its
-- neighbours instead of being stored apart, and the write-ahead log is shorter by as much. What was
-- sealed before stays as it is ('', else 'deflate'); no row is looked at here.
ALTER TABLE payments.messages ADD COLUMN content_coding text NOT NULL DEFAULT '';
