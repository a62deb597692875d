-- What a back-channel request asks for beside its scopes (RFC 9396), as checked when it came.
ALTER TABLE identity.ciba_requests ADD COLUMN details jsonb NOT NULL DEFAULT '[]';
