"""Cases over HTTP: the applicant's desk, the staff's desk, the public register."""

from lionrock.programmes.cases.http.routes import table

__all__ = ["table"]
