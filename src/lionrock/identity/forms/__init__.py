"""Form filling: a person's values by field, asked for by name, given field by field. See README."""
