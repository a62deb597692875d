"""Use cases of batch files; `files.Files` puts them together."""
