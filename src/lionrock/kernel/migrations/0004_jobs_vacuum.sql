-- Every job is a row that is written, claimed and deleted: the space is found again after a
-- thousand such rows, however many jobs wait for a far deadline.
ALTER TABLE kernel.jobs
    SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);
