-- Sign-ins that a phone joins by scanning or by an app link. `by_scan`: nobody was named, the phone
-- that scans says who; `awaits_return`: the app must bring this browser back before it ends.
ALTER TABLE identity.sign_ins ADD COLUMN by_scan boolean NOT NULL DEFAULT false;
ALTER TABLE identity.sign_ins ADD COLUMN awaits_return boolean NOT NULL DEFAULT false;
