"""Direct debits: authorisations (mandates) and the collections under them. See README.md."""
