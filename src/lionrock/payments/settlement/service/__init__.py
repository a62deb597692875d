"""Use cases of settlement; `settlement.Settlement` puts them together."""
