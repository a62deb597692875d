"""All SQL of cases: rows in, values out. Constraint names become outcomes here."""
