"""Use cases of addressing; `addressing.Addressing` puts them together."""
