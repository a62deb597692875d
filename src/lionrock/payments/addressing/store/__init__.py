"""All SQL of addressing and nothing else: entries, buckets, claims, notices, warnings."""
