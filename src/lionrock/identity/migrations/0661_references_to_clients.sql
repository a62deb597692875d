-- A client that goes is looked for wherever one may be referred to: by an index, not by reading
-- every grant of the city.
CREATE INDEX grants_by_client ON identity.grants (client_id);
CREATE INDEX services_by_client ON identity.services (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX service_roles_by_client ON identity.service_roles (client_id);
