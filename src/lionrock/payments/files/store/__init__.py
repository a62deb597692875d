"""SQL of batch files: files and their parts; entries and answers."""
