"""Signing: the city's test CA, certificates, and PAdES signatures released by approvals.

The door of this room; identity.api hands it on. See README.md.
"""

from lionrock.identity.signing.domain import (
    APPROVAL_KINDS,
    CHAINS,
    SEAL_SCOPE,
    SIGN_SCOPE,
    CompanySealSigner,
    Level,
    OfficeSealSigner,
    PersonSigner,
    ReleaseRequest,
    SignatureReport,
    SignedPdf,
    Signer,
    SignerKind,
    SigningRefusal,
    Statement,
    approval_request,
    next_in_chain,
    read_reason,
)
from lionrock.identity.signing.errors import SIGNING_ERRORS
from lionrock.identity.signing.pdf import Appearance
from lionrock.identity.signing.service import ApprovalBook, MandateBook, Signing
from lionrock.identity.signing.validation import validate_pdf

__all__ = [
    "APPROVAL_KINDS",
    "CHAINS",
    "SEAL_SCOPE",
    "SIGNING_ERRORS",
    "SIGN_SCOPE",
    "Appearance",
    "ApprovalBook",
    "CompanySealSigner",
    "Level",
    "MandateBook",
    "OfficeSealSigner",
    "PersonSigner",
    "ReleaseRequest",
    "SignatureReport",
    "SignedPdf",
    "Signer",
    "SignerKind",
    "Signing",
    "SigningRefusal",
    "Statement",
    "approval_request",
    "next_in_chain",
    "read_reason",
    "validate_pdf",
]
