"""The exchange pillar: consents, gateways and the catalogue of data products."""
