"""The only door to identity for other pillars, the composition root and the sandbox.

`Identity` is the service; `RelyingParty` is protocol code for services that sign people in. Events:
"identity.approval_decided" {approval_id, kind, reference, decision: approved|rejected|expired}
(not of kind sign_in: its browser looks by itself),
"identity.mandate_revoked" {mandate_id, company_id},
"identity.grant_revoked" {grant_id, consent_ids, by}. Each may come more than once.
"""

from __future__ import annotations

from lionrock.identity.domain.approvals import (
    Approval,
    ApprovalRequest,
    GivenAnswer,
)
from lionrock.identity.domain.assertions import ASSERTION_TYPE
from lionrock.identity.domain.assurance import (
    ACR_DEVICE,
    ACR_DEVICE_NUMBER,
    ACR_PASSKEY,
    ACR_VALUES,
)
from lionrock.identity.domain.chains import FirmMandate, FirmMandateDraft
from lionrock.identity.domain.clients import GRANT_TYPES, Client, ClientPolicy
from lionrock.identity.domain.companies import CompanyRefusal
from lionrock.identity.domain.deeds import (
    NOBODY,
    CompanyApprovalRequest,
    Deed,
    DeedRequest,
    GrantToFirm,
    GrantToPerson,
    Revoke,
)
from lionrock.identity.domain.details import (
    ConsentOutline,
    joined_details,
    read_details,
    show_details,
)
from lionrock.identity.domain.grants import (
    ACCESS_TOKEN_TYPE,
    COMPANY_URN,
    ClientPrincipal,
    Grant,
    Principal,
    TokenBasis,
    secret_hash,
)
from lionrock.identity.domain.mandates import (
    DELEGATE_SCOPE,
    ROLE_SCOPES,
    ROLES,
    SIGNATURES_MAX,
    SUBAGENT_SCOPE,
    Mandate,
    MandateDraft,
    MandateRole,
    outranks,
)
from lionrock.identity.domain.operations import (
    CertificateReason,
    CreateCompany,
    GrantStaffRole,
    IssueRecoveryCode,
    Operation,
    OperationDeed,
    RevokeCertificate,
    RevokeStaffRole,
    SetPersonStatus,
)
from lionrock.identity.domain.parties import (
    Company,
    CompanyDraft,
    Device,
    Person,
    PersonDraft,
    StaffRole,
    identity_check_digit,
    read_identifier,
)
from lionrock.identity.domain.proofs import ANSWER_TYPE
from lionrock.identity.domain.refusals import IdentityRefusal, RelyingPartyRefusal
from lionrock.identity.domain.requests import ACCESS_TOKEN_LIFE_S, PushedForm, check_pushed
from lionrock.identity.domain.scopes import SCOPES
from lionrock.identity.domain.tokens import TokenForm, TokenReply
from lionrock.identity.domain.words import Rendered, Template, canonical_json
from lionrock.identity.errors import ERRORS, RELYING_PARTY_ERRORS
from lionrock.identity.errors.chinese import CHINESE as CHINESE_REFUSALS
from lionrock.identity.errors.companies import COMPANY_ERRORS
from lionrock.identity.errors.forms import FORM_ERRORS
from lionrock.identity.errors.grants import GRANT_ERRORS
from lionrock.identity.expiry import RINGS, expiring_tables
from lionrock.identity.forms.domain import ADDRESS_FIELDS as FORM_ADDRESS_FIELDS
from lionrock.identity.forms.domain import ADDRESS_PARTS as FORM_ADDRESS_PARTS
from lionrock.identity.forms.domain import FIELDS as FORM_FIELDS
from lionrock.identity.forms.domain import OPTIONS as FORM_OPTIONS
from lionrock.identity.forms.domain import REGIONS as FORM_REGIONS
from lionrock.identity.forms.domain import FieldValue as FormValue
from lionrock.identity.forms.domain import FormRefusal
from lionrock.identity.forms.domain import masked as masked_value
from lionrock.identity.http import table
from lionrock.identity.http.browser import browser_secret, is_own_site, set_browser_secret
from lionrock.identity.jobs import handlers, start
from lionrock.identity.recovery.domain import Carried, Channel
from lionrock.identity.recovery.messages import Carrier, Letter, MailCarrier, Message, NoCarrier
from lionrock.identity.relying_party import RelyingParty, Tokens, Transaction
from lionrock.identity.service.assurance import stands as approval_stands
from lionrock.identity.service.assurance import step_up
from lionrock.identity.service.authorization import SignInView
from lionrock.identity.service.clients import check_client
from lionrock.identity.service.devices import ENROLMENT_TYPE
from lionrock.identity.service.grants import GRANT_REVOKED_TOPIC
from lionrock.identity.service.identity import Identity, PrincipalCall
from lionrock.identity.service.receipts import DECIDED_TOPIC
from lionrock.identity.services import CATEGORIES as SERVICE_CATEGORIES
from lionrock.identity.services import CONTROLS as SERVICE_CONTROLS
from lionrock.identity.services import (
    SERVICES_ERRORS,
    Onboarding,
    Service,
    ServiceDraft,
    Services,
    ServicesRefusal,
    read_query,
)
from lionrock.identity.services import TESTS as SERVICE_TESTS
from lionrock.identity.services.http import table as services_table
from lionrock.identity.signing import (
    SEAL_SCOPE,
    SIGN_SCOPE,
    SIGNING_ERRORS,
    Appearance,
    CompanySealSigner,
    OfficeSealSigner,
    PersonSigner,
    ReleaseRequest,
    SignatureReport,
    SignedPdf,
    Signer,
    SignerKind,
    Signing,
    SigningRefusal,
    Statement,
    approval_request,
    next_in_chain,
    validate_pdf,
)
from lionrock.identity.signing.csc.domain import Digest as HashDigest
from lionrock.identity.signing.csc.domain import check_labels, credential_ids
from lionrock.identity.signing.csc.service import Granted, RemoteSigning
from lionrock.identity.signing.routes import signing_table

__all__ = [
    "ACCESS_TOKEN_LIFE_S",
    "ACCESS_TOKEN_TYPE",
    "ACR_DEVICE",
    "ACR_DEVICE_NUMBER",
    "ACR_PASSKEY",
    "ACR_VALUES",
    "ANSWER_TYPE",
    "ASSERTION_TYPE",
    "CHINESE_REFUSALS",
    "COMPANY_ERRORS",
    "COMPANY_URN",
    "DECIDED_TOPIC",
    "DELEGATE_SCOPE",
    "ENROLMENT_TYPE",
    "ERRORS",
    "FORM_ADDRESS_FIELDS",
    "FORM_ADDRESS_PARTS",
    "FORM_ERRORS",
    "FORM_FIELDS",
    "FORM_OPTIONS",
    "FORM_REGIONS",
    "GRANT_ERRORS",
    "GRANT_REVOKED_TOPIC",
    "GRANT_TYPES",
    "NOBODY",
    "RELYING_PARTY_ERRORS",
    "RINGS",
    "ROLES",
    "ROLE_SCOPES",
    "SCOPES",
    "SEAL_SCOPE",
    "SERVICES_ERRORS",
    "SERVICE_CATEGORIES",
    "SERVICE_CONTROLS",
    "SERVICE_TESTS",
    "SIGNATURES_MAX",
    "SIGNING_ERRORS",
    "SIGN_SCOPE",
    "SUBAGENT_SCOPE",
    "Appearance",
    "Approval",
    "ApprovalRequest",
    "Carried",
    "Carrier",
    "CertificateReason",
    "Channel",
    "Client",
    "ClientPolicy",
    "ClientPrincipal",
    "Company",
    "CompanyApprovalRequest",
    "CompanyDraft",
    "CompanyRefusal",
    "CompanySealSigner",
    "ConsentOutline",
    "CreateCompany",
    "Deed",
    "DeedRequest",
    "Device",
    "FirmMandate",
    "FirmMandateDraft",
    "FormRefusal",
    "FormValue",
    "GivenAnswer",
    "Grant",
    "GrantStaffRole",
    "GrantToFirm",
    "GrantToPerson",
    "Granted",
    "HashDigest",
    "Identity",
    "IdentityRefusal",
    "IssueRecoveryCode",
    "Letter",
    "MailCarrier",
    "Mandate",
    "MandateDraft",
    "MandateRole",
    "Message",
    "NoCarrier",
    "OfficeSealSigner",
    "Onboarding",
    "Operation",
    "OperationDeed",
    "Person",
    "PersonDraft",
    "PersonSigner",
    "Principal",
    "PrincipalCall",
    "PushedForm",
    "ReleaseRequest",
    "RelyingParty",
    "RelyingPartyRefusal",
    "RemoteSigning",
    "Rendered",
    "Revoke",
    "RevokeCertificate",
    "RevokeStaffRole",
    "Service",
    "ServiceDraft",
    "Services",
    "ServicesRefusal",
    "SetPersonStatus",
    "SignInView",
    "SignatureReport",
    "SignedPdf",
    "Signer",
    "SignerKind",
    "Signing",
    "SigningRefusal",
    "StaffRole",
    "Statement",
    "Template",
    "TokenBasis",
    "TokenForm",
    "TokenReply",
    "Tokens",
    "Transaction",
    "approval_request",
    "approval_stands",
    "browser_secret",
    "canonical_json",
    "check_client",
    "check_labels",
    "check_pushed",
    "credential_ids",
    "expiring_tables",
    "handlers",
    "identity_check_digit",
    "is_own_site",
    "joined_details",
    "masked_value",
    "next_in_chain",
    "outranks",
    "read_details",
    "read_identifier",
    "read_query",
    "secret_hash",
    "services_table",
    "set_browser_secret",
    "show_details",
    "signing_table",
    "start",
    "step_up",
    "table",
    "validate_pdf",
]  # fmt: skip
