"""The CorpID-style wire: companies, below /api/eservice/v1."""
