"""A case from draft to the last payout, on real lower floors."""

from __future__ import annotations

import csv
import io

from lionrock.identity.api import validate_pdf
from lionrock.kernel.errors import Refused
from lionrock.programmes.cases import CaseState, PayoutState
from lionrock.programmes.cases.domain.values import Payout
from lionrock.programmes.cases.service import as_csv
from tests.unit.payments.city import FIRM_ACCOUNT, HARBOUR
from tests.unit.programmes.cases.office import AWARD_MINOR, Office


async def test_case_goes_from_draft_to_paid_and_everything_is_provable(office: Office) -> None:
    case = await office.agreed()
    assert case.state is CaseState.AGREED
    for milestone, amount_minor in ((1, 54_000_00), (2, 36_000_00)):
        payout = await office.claim(case.id, milestone, amount_minor)
        assert isinstance(payout, Payout), payout
        released = await office.release(case.id, payout.id)
        assert isinstance(released, Payout), released
        await office.settle()
    view = await office.view(case.id)
    assert view.case.state is CaseState.COMPLETED
    assert [payout.state for payout in view.payouts] == [PayoutState.PAID, PayoutState.PAID]
    statement = await office.payments_city.statement(HARBOUR, FIRM_ACCOUNT)
    assert str(statement).count("54000.00") >= 1
    assert view.award is not None
    assert view.award.result == "ok"
    kinds = [entry.kind for entry in view.history]
    assert kinds == [
        "application_prepared", "application_signed", "application_signed", "case_submitted",
        "case_screened_in", "case_assessed", "case_assessed", "case_decided", "award_posted",
        "agreement_signed", "agreement_signed", "case_agreed", "payout_claimed",
        "payout_released", "payout_paid", "payout_claimed", "payout_released", "payout_paid",
        "case_completed",
    ]  # fmt: skip
    assert len({entry.receipt_id for entry in view.history}) == len(kinds)


async def test_both_documents_are_signed_by_both_sides_and_valid(office: Office) -> None:
    case = await office.agreed()
    view = await office.view(case.id)
    ca = await office.run(office.signing.ca_certificates)
    kinds = {}
    for document in view.documents:
        reports = validate_pdf(document.content, ca)
        assert all(report.is_valid for report in reports), reports
        kinds[document.kind] = [report.kind for report in reports]
        assert all(report.approval_id.startswith("apr_") for report in reports)
    assert kinds == {
        "application": ["person", "company-seal"], "agreement": ["company-seal", "office-seal"]
    }


async def test_bundle_of_a_case_holds_its_documents_and_verifies(office: Office) -> None:
    from lionrock.evidence.api import PdfFinding, verify_bundle

    case = await office.agreed()
    evidence = office.payments_city.evidence
    await evidence.catch_up()
    bundle = await office.run(lambda db: evidence.export_bundle(db, {"case_id": case.id}))
    assert isinstance(bundle, bytes), bundle
    ca = await office.run(office.signing.ca_certificates)
    trust = await office.run(
        lambda db: evidence.trust_anchors(db, ca_certificates=ca, witness_quorum=0)
    )

    def check(content: bytes, roots: tuple[str, ...]) -> PdfFinding:
        reports = validate_pdf(content, roots)
        return PdfFinding(bool(reports) and all(r.is_valid for r in reports), "checked")

    verdict = verify_bundle(bundle, trust, check)
    assert verdict.ok, verdict.failures
    assert sum(check.name == "pdf signatures" for check in verdict.checks) == 2


async def test_register_lists_the_award_as_json_and_csv(office: Office) -> None:
    case = await office.awarded(proposal={"title": "=HYPERLINK(evil)"})
    page = await office.run(lambda db: office.cases.register_page(db))
    assert not isinstance(page, Refused)
    (entry,) = page.entries
    assert entry.amount_minor == AWARD_MINOR
    assert entry.paid_minor == 0
    assert entry.recipient_business_number == "70000017"
    rows = list(csv.DictReader(io.StringIO(as_csv(page.entries))))
    assert rows[0]["amount"] == "90000.00"
    assert rows[0]["project"] == "'=HYPERLINK(evil)"
    assert rows[0]["recipient_zh_hant"] == "海港機械人有限公司"
    assert rows[0]["state"] == "awarded"
    assert case.state is CaseState.AWARDED
    following = await office.run(lambda db: office.cases.register_page(db, entry.award_id))
    assert following.entries == []
    wrong = await office.run(lambda db: office.cases.register_page(db, "'; DROP"))
    assert isinstance(wrong, Refused)


async def test_documents_are_set_in_the_applicants_language(office: Office) -> None:
    case = await office.signed(language="zh-Hant")
    view = await office.view(case.id)
    ca = await office.run(office.signing.ca_certificates)
    reports = validate_pdf(view.documents[0].content, ca)
    assert [report.signer for report in reports] == ["ada君", "Seal of 海港機械人有限公司"]
    assert all(report.is_valid for report in reports)
