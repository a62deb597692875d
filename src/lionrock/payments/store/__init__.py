"""All SQL of payments: rows in, values out. Personal data goes through the vault on the way."""
