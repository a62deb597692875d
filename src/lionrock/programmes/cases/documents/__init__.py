"""The documents of a case as PDF: the application and the agreement, in three languages.

Same input, same bytes: an approval shows the SHA-256 of a document, and whoever doubts it renders
it again. Not for: signatures (identity.signing), pages of the portal.
Invariants: every document says that it is simulated; the last page is for signatures alone.
"""

from lionrock.programmes.cases.documents.agreement import render_agreement
from lionrock.programmes.cases.documents.application import render_application
from lionrock.programmes.cases.documents.layout import SIGNATURE_BOXES

__all__ = ["SIGNATURE_BOXES", "render_agreement", "render_application"]
