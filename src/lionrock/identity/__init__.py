"""Identity: persons, companies, mandates, devices, approvals and the authorization server."""
