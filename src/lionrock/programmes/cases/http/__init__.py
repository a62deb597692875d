"""Cases over HTTP: the applicant's desk, the staff's desk, the public register."""

from lionrock.programmes.cases.http.routes import table
from lionrock.programmes.cases.http.steps import actor_of

__all__ = ["actor_of", "table"]
