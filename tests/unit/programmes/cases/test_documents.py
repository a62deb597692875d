"""The documents as bytes: equal for equal input, readable, marked as simulated."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from lionrock.hongkong import scheme_book
from lionrock.identity.signing.pdf import check_pdf
from lionrock.kernel.i18n import LANGUAGES, Text
from lionrock.programmes.cases.documents import render_agreement, render_application
from lionrock.programmes.cases.documents.agreement import AgreementTerms
from lionrock.programmes.cases.domain.states import CaseState
from lionrock.programmes.cases.domain.values import Case, Judgement, Parties
from lionrock.programmes.cases.judge import RuleJudge
from tests.unit.programmes.cases.office import FACTS, PROPOSAL

TERMS = AgreementTerms(
    award_id="awd_" + "4" * 32, amount_minor=90_000_01, committed_on=date(2026, 3, 1),
    reasons="A sound project.\n理由充分。", application_sha256="ab" * 32,
)


def make_case(language: str, **changes: Any) -> Case:
    """A case that needs no database."""
    judgement = RuleJudge(scheme_book()).judge("nifs", FACTS, date(2026, 2, 20), language)
    assert isinstance(judgement, Judgement), judgement
    case = Case(
        id="cas_" + "0" * 32, programme_id="nifs", company_id="com_" + "1" * 32,
        applicant_id="per_" + "2" * 32, language=language, state=CaseState.DRAFT,
        parties=Parties(
            company_names=Text(
                "Harbour Robotics Limited", "海港機械人有限公司", "海港机器人有限公司"
            ),
            business_number="70000017", applicant_names=Text("Ada Chan", "陳雅達", "陈雅达"),
            mandate_id="man_" + "3" * 32,
        ),
        proposal=PROPOSAL, facts=FACTS, judgement=judgement,
        created_at=datetime(2026, 2, 20, 9, tzinfo=UTC),
    )
    return msgspec.structs.replace(case, **changes)


def _words(pdf: bytes, folder: Path) -> str:
    (folder / "document.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", "-layout", "document.pdf", "-"], cwd=folder, capture_output=True, check=True
    )
    assert not done.stderr, done.stderr[:300]
    return done.stdout.decode()


@pytest.mark.parametrize("language", LANGUAGES)
def test_equal_input_gives_equal_bytes(language: str) -> None:
    case = make_case(language)
    assert render_application(case, "City") == render_application(make_case(language), "City")
    assert render_agreement(case, TERMS, "City") == render_agreement(case, TERMS, "City")
    assert render_application(case, "City") != render_application(case, "Other City")


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    script = (
        "import hashlib\n"
        "from tests.unit.programmes.cases.test_documents import make_case\n"
        "from lionrock.programmes.cases.documents import render_application\n"
        "print(hashlib.sha256(render_application(make_case('zh-Hant'), 'City')).hexdigest())\n"
    )
    here = hashlib.sha256(render_application(make_case("zh-Hant"), "City")).hexdigest()
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "1234", "PATH": "", "PYTHONPATH": str(root)},
    )
    assert done.stdout.strip() == here


@pytest.mark.parametrize("language", LANGUAGES)
def test_documents_may_be_signed_and_end_with_a_page_for_signatures(language: str) -> None:
    for pdf in (
        render_application(make_case(language), "City"),
        render_agreement(make_case(language), TERMS, "City"),
    ):
        assert check_pdf(pdf) is None
        assert int(PdfFileReader(io.BytesIO(pdf)).root["/Pages"]["/Count"]) >= 2


@pytest.mark.interop
@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Application for funding", "Harbour Robotics Limited", "HK$100,000.00",
                "Simulated, for testing only", "Page 1 of", "the rules as known answer: yes",
                "Each signature is an electronic one"]),
        ("zh-Hant", ["資助申請書", "海港機械人有限公司", "陳雅達", "模擬文件，只供測試",
                     "第 1 頁，共", "新型工業化資助計劃", "簽署"]),
        ("zh-Hans", ["资助申请书", "海港机器人有限公司", "陈雅达", "模拟文件，只供测试",
                     "第 1 页，共", "签署"]),
    ],
)  # fmt: skip
def test_application_says_what_it_must(
    language: str, expected: list[str], tmp_path: Path
) -> None:
    shown = _words(render_application(make_case(language), "City"), tmp_path)
    for words in expected:
        assert words in shown, words
    assert "cas_" + "0" * 32 in shown


@pytest.mark.interop
@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Funding agreement", "HK$90,000.01", "HK$54,000.00", "HK$36,000.01",
                "1 March 2026", "in force when both seals"]),
        ("zh-Hant", ["資助協議", "HK$90,000.01", "2026年3月1日", "雙方印章齊備"]),
        ("zh-Hans", ["资助协议", "HK$90,000.01", "2026年3月1日", "双方印章齐备"]),
    ],
)  # fmt: skip
def test_agreement_says_what_it_must(
    language: str, expected: list[str], tmp_path: Path
) -> None:
    shown = _words(render_agreement(make_case(language), TERMS, "City"), tmp_path)
    for words in expected:
        assert words in shown, words
    assert "ab" * 20 in shown.replace("\n", "").replace(" ", "")


@pytest.mark.interop
def test_free_text_is_never_markup_and_long_words_stay_on_the_page(tmp_path: Path) -> None:
    summary = "<b>bold</b> & <font color=white>hidden</font>\n" + "W" * 400
    proposal = msgspec.structs.replace(PROPOSAL, summary=summary, title="<i>{braces}</i> %s")
    shown = _words(render_application(make_case("en", proposal=proposal), "City"), tmp_path)
    assert "<b>bold</b> & <font color=white>hidden</font>" in shown
    assert "<i>{braces}</i> %s" in shown
    assert shown.replace("\n", "").replace(" ", "").count("W") >= 400


def test_longest_texts_still_make_a_document() -> None:
    milestones = tuple(
        msgspec.structs.replace(PROPOSAL.milestones[0], title="項" * 120, share_percent=share)
        for share in (*[8] * 11, 12)
    )
    proposal = msgspec.structs.replace(
        PROPOSAL, title="題" * 120, summary="長" * 2000, milestones=milestones
    )
    for language in LANGUAGES:
        assert check_pdf(render_application(make_case(language, proposal=proposal), "C")) is None
