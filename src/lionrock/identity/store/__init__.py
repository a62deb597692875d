"""All SQL of identity and nothing else: rows in, values out."""
