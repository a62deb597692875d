"""The payments' door: the only module of this pillar that other pillars and the world import."""

from lionrock.payments.addressing.domain.answers import HIGH_RISK_TEXT
from lionrock.payments.addressing.domain.entries import ProxyRegistration
from lionrock.payments.addressing.domain.kinds import Address, normal_proxy
from lionrock.payments.addressing.domain.names import compare_names, mask_name
from lionrock.payments.addressing.domain.sets import differing, digest_of, fingerprint
from lionrock.payments.addressing.service.addressing import Addressing
from lionrock.payments.domain.bundles import (
    BUNDLE_BYTES_MAX,
    BUNDLE_TYPE,
    Told,
    read_answers,
    read_bundle,
    write_answers,
    write_bundle,
)
from lionrock.payments.domain.bundles import split as split_bundles
from lionrock.payments.domain.iso20022 import (
    MESSAGE_BYTES_MAX,
    CancellationAnswer,
    CancellationRequest,
    CreditTransfer,
    DirectDebit,
    Document,
    Envelope,
    Header,
    LiquidityTransfer,
    MandateAcceptance,
    MandateAmendment,
    MandateCancellation,
    MandateInitiation,
    MandateTerms,
    MessageReject,
    PartyAccount,
    PaymentRequest,
    PaymentReturn,
    Proxy,
    RequestReport,
    StatusReport,
    StatusRequest,
    SystemEvent,
    definition_of,
    read_envelope,
    reference_of,
    split_envelope,
    write_envelope,
)
from lionrock.payments.domain.orders import CreditTransferOrder
from lionrock.payments.domain.payments import (
    LEDGER_OF_CURRENCY,
    SWITCH_MEMBER,
    Payment,
    settlement_date_of,
    transaction_id_of,
    uetr_of,
)
from lionrock.payments.domain.refusals import PaymentRefusal
from lionrock.payments.expiry import sweep
from lionrock.payments.http import ERRORS, table
from lionrock.payments.jobs import handlers, start, subscriptions
from lionrock.payments.links.chinese import CHINESE as OFFICER_CHINESE
from lionrock.payments.links.errors import INTENT_ERRORS, LINK_ERRORS
from lionrock.payments.links.service.pages import PayPage
from lionrock.payments.onboarding.chinese import CHINESE as ONBOARDING_CHINESE
from lionrock.payments.onboarding.domain.application import Application as ParticipantApplication
from lionrock.payments.onboarding.domain.candidates import PATH as CANDIDATE_PATH
from lionrock.payments.onboarding.domain.candidates import Candidate
from lionrock.payments.onboarding.domain.candidates import State as CandidateState
from lionrock.payments.onboarding.domain.cases import ALL_CASES as ALL_TEST_CASES
from lionrock.payments.onboarding.domain.cases import CASES as TEST_CASES
from lionrock.payments.onboarding.domain.cases import TEST_ACCOUNT, TEST_MEMBER, TEST_NAME
from lionrock.payments.onboarding.domain.cases import Case as TestCase
from lionrock.payments.onboarding.domain.refusals import OnboardingRefusal
from lionrock.payments.onboarding.errors import ONBOARDING_ERRORS
from lionrock.payments.onboarding.service.desk import CandidateView
from lionrock.payments.onboarding.service.testing import TEST_PATH
from lionrock.payments.qr.chinese import CHINESE as CHINESE_REFUSALS
from lionrock.payments.qr.domain.codes import decode as decode_code
from lionrock.payments.qr.domain.codes import encode as encode_code
from lionrock.payments.qr.domain.compose import compose as compose_code
from lionrock.payments.qr.domain.content import Code, Content, FpsAccount
from lionrock.payments.qr.errors import QR_ERRORS
from lionrock.payments.qr.http import ContentBody, code_of, code_reply
from lionrock.payments.qr.pictures import draw as draw_code
from lionrock.payments.schemas import envelope_schema
from lionrock.payments.service.courier import BUNDLES_PATH, MEDIA_TYPE, MESSAGES_PATH
from lionrock.payments.service.oversight import Holding, Life
from lionrock.payments.service.participants import Enrolment
from lionrock.payments.service.payments import Payments
from lionrock.payments.service.roster import ENDPOINT
from lionrock.payments.service.switch import REJECTED_TOPIC, SETTLED_TOPIC
from lionrock.payments.settlement.service.exports import as_camt_053, as_csv
from lionrock.payments.store.members import Participant
from lionrock.payments.store.messages import Message

__all__ = [
    "ALL_TEST_CASES",
    "BUNDLES_PATH",
    "BUNDLE_BYTES_MAX",
    "BUNDLE_TYPE",
    "CANDIDATE_PATH",
    "CHINESE_REFUSALS",
    "ENDPOINT",
    "ERRORS",
    "HIGH_RISK_TEXT",
    "INTENT_ERRORS",
    "LEDGER_OF_CURRENCY",
    "LINK_ERRORS",
    "MEDIA_TYPE",
    "MESSAGES_PATH",
    "MESSAGE_BYTES_MAX",
    "OFFICER_CHINESE",
    "ONBOARDING_CHINESE",
    "ONBOARDING_ERRORS",
    "QR_ERRORS",
    "REJECTED_TOPIC",
    "SETTLED_TOPIC",
    "SWITCH_MEMBER",
    "TEST_ACCOUNT",
    "TEST_CASES",
    "TEST_MEMBER",
    "TEST_NAME",
    "TEST_PATH",
    "Address",
    "Addressing",
    "CancellationAnswer",
    "CancellationRequest",
    "Candidate",
    "CandidateState",
    "CandidateView",
    "Code",
    "Content",
    "ContentBody",
    "CreditTransfer",
    "CreditTransferOrder",
    "DirectDebit",
    "Document",
    "Enrolment",
    "Envelope",
    "FpsAccount",
    "Header",
    "Holding",
    "Life",
    "LiquidityTransfer",
    "MandateAcceptance",
    "MandateAmendment",
    "MandateCancellation",
    "MandateInitiation",
    "MandateTerms",
    "Message",
    "MessageReject",
    "OnboardingRefusal",
    "Participant",
    "ParticipantApplication",
    "PartyAccount",
    "PayPage",
    "Payment",
    "PaymentRefusal",
    "PaymentRequest",
    "PaymentReturn",
    "Payments",
    "Proxy",
    "ProxyRegistration",
    "RequestReport",
    "StatusReport",
    "StatusRequest",
    "SystemEvent",
    "TestCase",
    "Told",
    "as_camt_053",
    "as_csv",
    "code_of",
    "code_reply",
    "compare_names",
    "compose_code",
    "decode_code",
    "definition_of",
    "differing",
    "digest_of",
    "draw_code",
    "encode_code",
    "envelope_schema",
    "fingerprint",
    "handlers",
    "mask_name",
    "normal_proxy",
    "read_answers",
    "read_bundle",
    "read_envelope",
    "reference_of",
    "settlement_date_of",
    "split_bundles",
    "split_envelope",
    "start",
    "subscriptions",
    "sweep",
    "table",
    "transaction_id_of",
    "uetr_of",
    "write_answers",
    "write_bundle",
    "write_envelope",
]
