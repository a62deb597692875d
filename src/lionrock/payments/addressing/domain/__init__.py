"""Rules of addressing, pure: kinds and masks, buckets, registrations, claims, set comparison."""
