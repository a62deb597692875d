"""The rows of the portal. A page needs no token in the request: the session's own is checked."""

from __future__ import annotations

from typing import Any

from lionrock.kernel.http import Route, RouteTable, Step
from lionrock.portal.errors import ERRORS
from lionrock.portal.http import (
    access,
    cases,
    codes,
    details,
    files,
    funding,
    mandates,
    officers,
    operations,
    own_access,
    participants,
    pay,
    payments,
    records,
    services,
    staff,
)
from lionrock.portal.http.calls import (
    PlainForm,
    PortalCall,
    check_company,
    check_form,
    check_operator,
    check_signed_in,
    check_staff,
    load_session,
    show_refusal,
)
from lionrock.portal.service import CALLBACK_PATH, Portal

_CASE = "/portal/cases/{case_id}"
_STAFF_CASE = "/portal/staff/cases/{case_id}"
_CONSENT = "/portal/consents/{consent_id}"
_SIGNED_IN: tuple[Step, ...] = (load_session, check_signed_in)
_COMPANY: tuple[Step, ...] = (*_SIGNED_IN, check_company)
_DATA: tuple[Step, ...] = (*_COMPANY, records.check_data_mandate)
_DETAILS: tuple[Step, ...] = (*_SIGNED_IN, details.check_values_scope)
_STAFF: tuple[Step, ...] = (*_SIGNED_IN, check_staff)
_OFFICER: tuple[Step, ...] = (*_COMPANY, mandates.check_own_officer)
_OPERATOR: tuple[Step, ...] = (*_SIGNED_IN, check_operator)


def table(room: Portal) -> RouteTable:
    """Return the rows of the portal."""
    return RouteTable(
        pillar="portal", room=room,
        routes=(
            *_access(), *_own(), *_mandates(), *_operations(), *_services(), *_funding(),
            *_cases(), *_records(), *_staff(), *_pay(), *_files(),
            *payments.rows(_page, _OPERATOR), *participants.rows(_page, _form, _OPERATOR),
            *officers.rows(_page, _form, _OPERATOR),
        ),
    )  # fmt: skip


def _page(
    path: str, name: str, summary: str, steps: tuple[Step, ...], *query: str, **more: Any
) -> Route:
    return Route(
        method="GET", path=path, name=f"portal_{name}", summary=summary, steps=steps,
        call=PortalCall, query=("lang", *query), errors=ERRORS, family="html",
        render_refusal=show_refusal,
        **{"replies": {200: None}, "reply_media_type": "text/html", **more},
    )  # fmt: skip


def _form(
    path: str, name: str, summary: str, steps: tuple[Step, ...], body: type = PlainForm,
    **more: Any,
) -> Route:
    """A form's row: whoever may see the page, then the form's own proof, then the deed."""
    *checks, deed = steps
    return Route(
        method="POST", path=path, name=f"portal_{name}", summary=summary,
        steps=(*checks, check_form, deed), call=PortalCall, body=body, body_kind="form",
        query=(), errors=ERRORS, family="html", render_refusal=show_refusal,
        clause="RFC 9700 s4.7",
        **{"replies": {303: None}, "reply_media_type": "text/html", **more},
    )  # fmt: skip


def _access() -> tuple[Route, ...]:
    return (
        _page("/", "start", "The start page", (load_session, access.reply_start)),
        _page(
            "/portal/sign-in", "sign_in", "Begin to sign in with the city's own sign-in server",
            (access.check_address, access.save_begun), "to", replies={303: None}, mode="beats",
            clause="RFC 9126 s2",
        ),
        Route(
            method="GET", path=CALLBACK_PATH, name="portal_callback", query=None,
            summary="Where the sign-in server sends the browser back to",
            steps=(access.save_signed_in,), call=PortalCall, replies={303: None}, errors=ERRORS,
            family="html", render_refusal=show_refusal, mode="beats", clause="RFC 9207 s2.4",
        ),
        _form(
            "/portal/sign-out", "sign_out", "End the session here",
            (*_SIGNED_IN, access.save_signed_out),
        ),
        _page(
            "/portal/company", "company", "The companies that the person acts for",
            (*_SIGNED_IN, access.reply_company),
        ),
        _form(
            "/portal/company", "choose_company", "Act for a company",
            (*_SIGNED_IN, access.save_company), access.CompanyForm, mode="beats",
        ),
    )  # fmt: skip


def _own() -> tuple[Route, ...]:
    page = "/portal/access"
    return (
        _page(page, "access", "My access: services, devices, log-out",
              (*_SIGNED_IN, own_access.reply_access)),
        _form(f"{page}/grants/{{grant_id}}/revocation", "revoke_grant",
              "Take back what a service was let do",
              (*_SIGNED_IN, own_access.save_grant_revocation)),
        _form(f"{page}/devices/{{device_id}}/removal", "remove_device",
              "Take one of my devices out of use", (*_SIGNED_IN, own_access.save_device_removal)),
        _form(f"{page}/log-out", "log_out_everywhere", "End what I have open anywhere",
              (*_SIGNED_IN, own_access.save_log_out_everywhere)),
        _page("/portal/details", "details", "My details: what forms are filled in with",
              (*_DETAILS, details.reply_details)),
        _form("/portal/details/{field}", "state_detail", "State one of my details",
              (*_DETAILS, details.save_detail), details.DetailForm,
              replies={303: None, 422: None}),
        _form("/portal/details/{field}/withdrawal", "withdraw_detail",
              "Delete my own word on one of my details",
              (*_DETAILS, details.save_detail_withdrawal)),
    )  # fmt: skip


def _mandates() -> tuple[Route, ...]:
    page = "/portal/mandates"
    request = f"{page}/requests/{{request_id}}"
    return (
        _page(page, "mandates", "People and mandates of the company",
              (*_OFFICER, mandates.reply_mandates)),
        _page(f"{page}/new", "new_mandate", "Ask for a mandate",
              (*_OFFICER, mandates.check_may_grant, mandates.reply_new_mandate), "for"),
        _form(page, "ask_mandate", "Ask the officers for a mandate",
              (*_OFFICER, mandates.save_mandate), mandates.MandateForm),
        _form(f"{page}/{{mandate_id}}/end", "ask_mandate_end",
              "Ask the officers for the end of a mandate",
              (*_OFFICER, mandates.save_end), mandates.EndForm),
        _page(request, "mandate_request", "A change of mandates that was asked for",
              (*_OFFICER, mandates.reply_request)),
        _page(f"{request}/state", "mandate_request_state",
              "Whether something has happened to a change of mandates",
              (*_OFFICER, mandates.reply_request_state), replies={200: cases.StateReply},
              reply_media_type="application/json"),
    )  # fmt: skip


def _operations() -> tuple[Route, ...]:
    page = "/portal/operations"
    return (
        _page(page, "operations", "What waits for a second operator",
              (*_OPERATOR, operations.reply_operations)),
        _form(f"{page}/persons", "ask_person_status", "Ask for a person's suspension or return",
              (*_OPERATOR, operations.save_person_status), operations.PersonStatusForm),
        _form(f"{page}/roles", "ask_staff_role", "Ask for a change of a staff role",
              (*_OPERATOR, operations.save_staff_role), operations.StaffRoleForm),
        _form(f"{page}/companies", "ask_company", "Ask for a company to be entered",
              (*_OPERATOR, operations.save_company_draft), operations.CompanyDraftForm),
        _form(f"{page}/certificates", "ask_certificate", "Ask for a certificate's revocation",
              (*_OPERATOR, operations.save_certificate), operations.CertificateForm),
        _form(f"{page}/recovery-codes", "ask_recovery_code",
              "Ask for a code for a person without a device",
              (*_OPERATOR, operations.save_recovery_code), operations.RecoveryCodeForm),
        _form(f"{page}/{{operation_id}}/decision", "decide_operation",
              "Carry out, or reject, what another operator asked for",
              (*_OPERATOR, operations.save_operation_decision), operations.DecisionForm,
              replies={200: None, 303: None}),
    )  # fmt: skip


def _services() -> tuple[Route, ...]:
    own = "/portal/onboarding/{onboarding_id}"
    return (
        _page("/portal/services", "services", "Search the services of this city",
              (load_session, services.reply_services), "q", "category", "audience", "sign_in",
              "offset"),
        _page("/portal/services/{service_id}", "service", "One service",
              (load_session, services.reply_service)),
        _page("/portal/onboarding", "onboardings", "The company's own services",
              (*_COMPANY, services.reply_onboardings)),
        _page("/portal/onboarding/new", "new_onboarding", "Ask for a new service",
              (*_COMPANY, services.reply_new_onboarding)),
        _form("/portal/onboarding", "ask_onboarding", "Ask for a new service",
              (*_COMPANY, services.save_new_onboarding), services.ServiceForm),
        _page(own, "onboarding", "A service on its way", (*_COMPANY, services.reply_onboarding)),
        _form(own, "change_onboarding", "Change a service on its way",
              (*_COMPANY, services.save_onboarding), services.ServiceForm),
        _page(f"{own}/form", "onboarding_form", "The form of a service on its way",
              (*_COMPANY, services.reply_onboarding_form)),
        _form(f"{own}/submission", "submit_onboarding", "Send it to the reviewers",
              (*_COMPANY, services.save_submission)),
        _form(f"{own}/go-live", "ask_go_live", "Ask to go live",
              (*_COMPANY, services.save_go_live)),
        _form(f"{own}/withdrawal", "withdraw_onboarding", "Withdraw a service on its way",
              (*_COMPANY, services.save_withdrawal)),
        _page("/portal/reviews", "reviews", "What waits for two reviewers",
              (*_OPERATOR, services.reply_reviews)),
        _form("/portal/reviews/{onboarding_id}", "review", "Agree, or return with reasons",
              (*_OPERATOR, services.save_review), services.ReviewForm),
    )  # fmt: skip


def _funding() -> tuple[Route, ...]:
    return (
        _page(
            "/portal/funding", "funding", "Find funding: every scheme judged, best first",
            (load_session, funding.reply_funding), "show",
        ),
        Route(
            method="POST", path="/portal/funding", name="portal_state_facts",
            summary="State facts: a visitor gets the answer, a session keeps them",
            steps=(load_session, funding.save_facts), call=PortalCall, body_kind="raw",
            body_media_types=("application/x-www-form-urlencoded",), query=(), errors=ERRORS,
            replies={200: None, 303: None}, reply_media_type="text/html", family="html",
            render_refusal=show_refusal,
        ),
        _page(
            "/portal/schemes/{scheme_id}", "scheme", "One scheme with all its clauses",
            (load_session, funding.reply_scheme),
        ),
        _form(
            "/portal/funding/consents", "ask_consents",
            "Ask the company's consents for registry and bank",
            (*_COMPANY, funding.save_requests), funding.BankForm,
        ),
        _form(
            "/portal/funding/collection", "collect", "Fetch what the consents open",
            (*_COMPANY, funding.save_collection), mode="beats",
        ),
    )  # fmt: skip


def _cases() -> tuple[Route, ...]:
    return (
        _page(
            "/portal/cases", "cases", "My applications", (*_COMPANY, cases.reply_cases)
        ),
        _page(
            "/portal/cases/new", "new_case", "Begin an application",
            (*_COMPANY, cases.reply_new_case), "scheme",
        ),
        _form(
            "/portal/cases", "start_case", "Begin an application", (*_COMPANY, cases.save_case),
            cases.StartForm,
        ),
        _page(_CASE, "case", "An application and what became of it",
              (*_COMPANY, cases.reply_case)),
        _page(
            f"{_CASE}/state", "case_state", "Whether something has happened to an application",
            (*_COMPANY, cases.reply_case_state), replies={200: cases.StateReply},
            reply_media_type="application/json",
        ),
        _page(
            f"{_CASE}/documents/{{kind}}", "case_document", "A document of an application",
            (*_COMPANY, cases.reply_document), reply_media_type="application/pdf",
        ),
        _form(
            f"{_CASE}/signatures", "ask_signature", "Ask for a signature on the phone",
            (*_COMPANY, cases.save_signature_request), cases.SignForm,
        ),
        _form(f"{_CASE}/submission", "submit_case", "Submit the application",
              (*_COMPANY, cases.save_submission)),
        _form(f"{_CASE}/withdrawal", "withdraw_case", "Withdraw the application",
              (*_COMPANY, cases.save_withdrawal)),
        _form(f"{_CASE}/payouts", "claim_payout", "Claim a milestone",
              (*_COMPANY, cases.save_claim), cases.ClaimForm),
    )  # fmt: skip


def _records() -> tuple[Route, ...]:
    return (
        _page("/portal/consents", "consents", "My consents",
              (*_DATA, records.reply_consents)),
        _page(
            "/portal/consents/state", "consents_state", "Whether a consent has changed",
            (*_DATA, records.reply_consents_state), replies={200: cases.StateReply},
            reply_media_type="application/json",
        ),
        _page(_CONSENT, "consent", "One consent with its uses",
              (*_DATA, records.reply_consent)),
        _form(f"{_CONSENT}/revoke", "revoke_consent", "Take a consent back",
              (*_DATA, records.save_revocation), mode="beats"),
        _form(f"{_CONSENT}/pause", "pause_consent", "Pause a consent",
              (*_DATA, records.save_pause), mode="beats"),
        _form(f"{_CONSENT}/resume", "resume_consent", "Let a paused consent open data again",
              (*_DATA, records.save_resumption), mode="beats"),
        _page("/portal/evidence", "evidence", "My evidence", (*_COMPANY, records.reply_evidence)),
        _page(
            "/portal/evidence/trust.json", "trust", "The keys that a verifier starts from",
            (records.reply_trust,), reply_media_type="application/json",
        ),
        _page("/portal/evidence/{case_id}", "case_evidence", "The receipts of an application",
              (*_COMPANY, records.reply_case_evidence)),
        _page(
            "/portal/evidence/{case_id}/bundle", "bundle", "The evidence bundle of an application",
            (*_COMPANY, records.reply_bundle), reply_media_type="application/zip", mode="beats",
        ),
        _page("/portal/awards", "awards", "The public register of awards",
              (load_session, records.reply_awards), "after"),
    )  # fmt: skip


def _staff() -> tuple[Route, ...]:
    return (
        _page("/portal/staff", "desks", "The office's desks", (*_STAFF, staff.reply_desks), "desk"),
        _page(_STAFF_CASE, "staff_case", "A submitted application at a desk",
              (*_STAFF, staff.reply_staff_case)),
        _page(
            f"{_STAFF_CASE}/state", "staff_case_state",
            "Whether something has happened to an application",
            (*_STAFF, staff.reply_staff_state), replies={200: cases.StateReply},
            reply_media_type="application/json",
        ),
        _page(
            f"{_STAFF_CASE}/documents/{{kind}}", "staff_document", "A submitted document",
            (*_STAFF, staff.reply_staff_document), reply_media_type="application/pdf",
        ),
        _form(f"{_STAFF_CASE}/assessments", "assess", "Assess an application",
              (*_STAFF, staff.save_assessment), staff.AssessForm),
        _form(f"{_STAFF_CASE}/decision", "decide", "Decide for the committee",
              (*_STAFF, staff.save_decision), staff.DecideForm),
        _form(f"{_STAFF_CASE}/seal", "seal", "Ask for the office's seal on the phone",
              (*_STAFF, staff.save_seal_request)),
        _form(f"{_STAFF_CASE}/payouts/{{payout_id}}/release", "release", "Release a payout",
              (*_STAFF, staff.save_release)),
        _page("/portal/budgets", "budgets", "Programme budgets",
              (*_OPERATOR, staff.reply_budgets), "funded"),
        _form("/portal/budgets", "fund_budget", "Put money into a programme's budget",
              (*_OPERATOR, staff.save_funding), staff.BudgetForm, mode="beats"),
    )  # fmt: skip


def _pay() -> tuple[Route, ...]:
    return (
        _page("/portal/codes", "codes", "Read a payment code: what it says, or what is wrong",
              (load_session, codes.reply_codes), "payload"),
        _page("/pay/{secret}", "pay", "Pay a payment link: whom, what for, how much, the receipt",
              (load_session, pay.reply_pay_page)),
        _page("/pay/{secret}/receipt.pdf", "pay_receipt", "The receipt of a paid fee as PDF",
              (load_session, pay.reply_receipt), reply_media_type="application/pdf"),
        *(
            _page(f"/pay/{{secret}}/{picture}.svg", f"pay_{picture}",
                  "The code to scan with a bank's app", (step,),
                  reply_media_type="image/svg+xml")
            for picture, step in (
                ("link", pay.reply_link_picture), ("code", pay.reply_code_picture)
            )
        ),
    )  # fmt: skip


def _files() -> tuple[Route, ...]:
    return (
        _page("/portal/static/{name}", "file", "A packaged file of the pages",
              (files.reply_file,), mode="none", reply_media_type="*/*",
              replies={200: None, 304: None}),
        _page("/favicon.ico", "favicon", "The city's mark for browsers",
              (files.reply_favicon,), mode="none",
              reply_media_type="image/svg+xml", replies={200: None, 304: None}),
    )  # fmt: skip
