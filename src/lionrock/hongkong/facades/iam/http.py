"""The rows of the iAM Smart-style wire."""

from __future__ import annotations

from lionrock.hongkong.facades import actions
from lionrock.hongkong.facades.domain import IAM
from lionrock.hongkong.facades.http import common_rows, signed_row
from lionrock.hongkong.facades.pages import page_rows

ROUTES = (
    *page_rows(IAM),
    *common_rows(IAM),
    signed_row(IAM, "/account/auth/profile/initiateRequest", "profile",
               "Ask for profile fields", actions.ask_profile),
    signed_row(IAM, "/account/eme/initiateRequest", "form", "Ask to fill a form",
               actions.ask_form),
    signed_row(IAM, "/anonymous/eme/initiateRequest", "anonymous_form",
               "Ask whoever scans to fill a form", actions.ask_form_of_anybody),
    signed_row(IAM, "/anonymous/eme/getResult", "anonymous_form_result",
               "Fetch a filled form once", actions.get_form),
    signed_row(IAM, "/account/stepup/initiateRequest", "step_up", "Ask to confirm once more",
               actions.ask_step_up),
    signed_row(IAM, "/account/signing/initiateRequest", "sign_hash", "Ask to sign a digest",
               actions.ask_hash_signature),
    signed_row(IAM, "/account/pdfsigning/initiateRequest", "sign_pdf",
               "Ask to sign a PDF's digest", actions.ask_pdf_signature),
    signed_row(IAM, "/account/bulksigning/initiateRequest", "sign_many",
               "Ask to sign several digests at once", actions.ask_bulk_signature),
    signed_row(IAM, "/anonymous/signing/initiateRequest", "anonymous_sign_hash",
               "Ask whoever scans to sign a digest", actions.ask_hash_signature_of_anybody),
    signed_row(IAM, "/anonymous/signing/getResult", "anonymous_hash_signature",
               "Fetch a signature once", actions.get_hash_signature),
    signed_row(IAM, "/anonymous/pdfsigning/initiateRequest", "anonymous_sign_pdf",
               "Ask whoever scans to sign a PDF's digest", actions.ask_pdf_signature_of_anybody),
    signed_row(IAM, "/anonymous/pdfsigning/getResult", "anonymous_pdf_signature",
               "Fetch a signature once", actions.get_pdf_signature),
    signed_row(IAM, "/account/signing/ackResult", "acknowledge",
               "Say what became of a signature", actions.acknowledge),
)  # fmt: skip
