"""All SQL of cases: rows in, values out. Each function on a case takes its owner or says why not."""
