"""The tests that a candidate must pass, and how each is judged from what was sent and came.

The switch's tests send messages to the candidate's test end point; the candidate's own go to the
switch's. All of it is in a lane of its own: other addresses, which the signatures cover, and
another member code, LRTEST, in every header. Nothing here knows the ledger.

Pure. A run is a list of exchanges; `next_step` looks at it and says what to do: send something,
wait, or end with a verdict that says what came. Run again after any stop, it says the same.
Source: ISO 20022 pacs.008, pacs.002, pacs.028, admi.002 in the switch's usage; RFC 9421 s7.2.2.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from lionrock.kernel.i18n import Text

TEST_MEMBER = "LRTEST"
TEST_ACCOUNT = "TEST-0001"
TEST_NAME = "Lion Rock test lane"
# Changes with the list of tests or what they ask, so that what was passed before is stale.
CASES_VERSION = "1"
# A refusal is only one if nothing else is said in this time after it.
QUIET_MS = 1_000
# How long a candidate has to send what a test of its own expects.
WINDOW_MS = 120_000
EXCHANGES_MAX = 16
CLOSED_REASON = "AC04"

By = Literal["switch", "candidate"]
# What must come of a message that the switch sent.
Wanted = Literal[
    "credited", "closed", "taken", "same_again", "refused", "refused_by_http",
]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One test. `sends` are the switch's messages in order, each with what must come of it.

    A candidate's own test has what it must send in `awaits`; the switch's `sends` answer that.
    """

    name: str
    by: By
    title: Text
    expected: Text
    sends: tuple[tuple[str, Wanted], ...]
    awaits: tuple[str, ...] = ()

    @property
    def end_to_end_id(self) -> str:
        """The EndToEndId of a transfer that the candidate sends for this test."""
        return self.name.replace("_", "-")


_ALL = (
    Case(
        name="credit_accepted", by="switch", sends=(("credit", "credited"),),
        title=Text("A credit transfer is accepted", "接受轉賬", "接受转账"),
        expected=Text(
            "pacs.002 ACCC or ACSC about the pacs.008 within the time limit",
            "在時限內就 pacs.008 以 pacs.002 ACCC 或 ACSC 回覆",
            "在时限内就 pacs.008 以 pacs.002 ACCC 或 ACSC 回复",
        ),
    ),
    Case(
        name="closed_account_refused", by="switch", sends=(("closed", "closed"),),
        title=Text("A transfer to a closed account is refused", "拒絕轉入已結束的賬戶",
                   "拒绝转入已结束的账户"),
        expected=Text("pacs.002 RJCT with AC04", "pacs.002 RJCT，原因 AC04",
                      "pacs.002 RJCT，原因 AC04"),
    ),
    Case(
        name="answers_in_time", by="switch",
        sends=(("credit", "credited"), ("second", "credited"), ("third", "credited")),
        title=Text("Three transfers in a row are answered in time", "連續三筆轉賬均準時回覆",
                   "连续三笔转账均准时回复"),
        expected=Text("an acceptance of each within the time limit", "每筆均在時限內接受",
                      "每笔均在时限内接受"),
    ),
    Case(
        name="repeat_answered_again", by="switch",
        sends=(("credit", "credited"), ("again", "same_again")),
        title=Text("The same message again is answered the same", "重複訊息得到相同回覆",
                   "重复信息得到相同回复"),
        expected=Text(
            "the same pacs.002 again, and no other answer", "再次得到相同的 pacs.002，並無其他回覆",
            "再次得到相同的 pacs.002，并无其他回复",
        ),
    ),
    Case(
        name="duplicate_refused", by="switch",
        sends=(("credit", "credited"), ("changed", "refused")),
        title=Text("Another transfer under the same ids is refused", "拒絕編號相同的另一筆轉賬",
                   "拒绝编号相同的另一笔转账"),
        expected=Text(
            "pacs.002 RJCT, admi.002 or an HTTP status from 400 to 499",
            "pacs.002 RJCT、admi.002 或 HTTP 400 至 499", "pacs.002 RJCT、admi.002 或 HTTP 400 至 499",
        ),
    ),
    Case(
        name="bad_signature_refused", by="switch", sends=(("forged", "refused_by_http"),),
        title=Text("A message under a wrong signature is refused", "拒絕簽署錯誤的訊息",
                   "拒绝签署错误的信息"),
        expected=Text("an HTTP status from 400 to 499 and no answer", "HTTP 400 至 499，且無其他回覆",
                      "HTTP 400 至 499，且无其他回复"),
    ),
    Case(
        name="replay_refused", by="switch",
        sends=(("credit", "credited"), ("replayed", "refused_by_http")),
        title=Text("A replayed request is refused", "拒絕重放的請求", "拒绝重放的请求"),
        expected=Text("an HTTP status from 400 to 499", "HTTP 400 至 499", "HTTP 400 至 499"),
    ),
    Case(
        name="bad_schema_refused", by="switch", sends=(("invalid", "refused"),),
        title=Text("A message that the schema refuses is refused", "拒絕不符合架構的訊息",
                   "拒绝不符合架构的信息"),
        expected=Text(
            "admi.002 or an HTTP status from 400 to 499", "admi.002 或 HTTP 400 至 499",
            "admi.002 或 HTTP 400 至 499",
        ),
    ),
    Case(
        name="outcome_taken", by="switch", sends=(("credit", "credited"), ("outcome", "taken")),
        title=Text("The outcome of a transfer is taken", "接收轉賬結果", "接收转账结果"),
        expected=Text("an HTTP status from 200 to 299 to pacs.002 ACSC",
                      "就 pacs.002 ACSC 回覆 HTTP 200 至 299",
                      "就 pacs.002 ACSC 回复 HTTP 200 至 299"),
    ),
    Case(
        name="transfer_sent", by="candidate", awaits=("transfer",), sends=(("outcome", "taken"),),
        title=Text("A credit transfer is sent, and its outcome taken", "發出轉賬並接收結果",
                   "发出转账并接收结果"),
        expected=Text("a signed, valid pacs.008; then its outcome is taken",
                      "已簽署且有效的 pacs.008，其後接收結果", "已签署且有效的 pacs.008，其后接收结果"),
    ),
    Case(
        name="repeat_unchanged", by="candidate", awaits=("busy", "transfer"),
        sends=(("outcome", "taken"),),
        title=Text("A message that was not taken is sent again unchanged", "未獲接收的訊息原樣重發",
                   "未获接收的信息原样重发"),
        expected=Text("after HTTP 503, the same bytes under a new signature",
                      "收到 HTTP 503 後，以新簽署重發相同內容",
                      "收到 HTTP 503 后，以新签署重发相同内容"),
    ),
    Case(
        name="status_enquiry", by="candidate", awaits=("transfer", "enquiry"),
        sends=(("outcome", "taken"),),
        title=Text("How a transfer stands is asked, and the answer taken", "查詢轉賬狀況並接收回覆",
                   "查询转账状况并接收回复"),
        expected=Text("a pacs.028 about the transfer; then the pacs.002 is taken",
                      "就該筆轉賬發出 pacs.028，其後接收 pacs.002",
                      "就该笔转账发出 pacs.028，其后接收 pacs.002"),
    ),
)  # fmt: skip
CASES: dict[str, Case] = {case.name: case for case in _ALL}
# What a new end point is tried with before it is in force; no part of what a candidate passes.
PROBE = Case(
    name="end_point_answers", by="switch",
    sends=(("credit", "credited"), ("forged", "refused_by_http")),
    title=Text("The new end point answers", "新端點有回應", "新端点有回应"),
    expected=Text(
        "pacs.002 ACCC or ACSC about a pacs.008, then a refusal of a wrong signature",
        "就 pacs.008 以 pacs.002 ACCC 或 ACSC 回覆，其後拒絕錯誤的簽署",
        "就 pacs.008 以 pacs.002 ACCC 或 ACSC 回复，其后拒绝错误的签署",
    ),
)  # fmt: skip
ALL_CASES: dict[str, Case] = {**CASES, PROBE.name: PROBE}


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request of a run and its answer; `direction` as the switch sees it.

    `status` 0: no answer yet; -1: there was none, `said` says why. `about` is the MsgId that an
    incoming message is about, `said` its content in short: "ACCC", "RJCT AC04", "admi.002 code".
    """

    position: int
    direction: Literal["out", "in"]
    label: str
    definition: str
    message_id: str
    at: datetime
    about: str = ""
    said: str = ""
    status: int = 0
    answered_at: datetime | None = None
    url: str = ""
    headers: dict[str, str] = {}
    body: bytes = b""
    reply: bytes = b""


class Send(msgspec.Struct, frozen=True):
    """Send the message of this label (again, if its sending was not recorded)."""

    label: str


class Wait(msgspec.Struct, frozen=True):
    """Look again after this many milliseconds, or when something came."""

    after_ms: int


class Verdict(msgspec.Struct, frozen=True):
    """The run's end; `came` says what came, in the standard's words."""

    is_passed: bool
    came: str


NextStep: TypeAlias = Send | Wait | Verdict


def next_step(
    case: Case, exchanges: list[Exchange], *, started_at: datetime, now: datetime, limit_ms: int
) -> NextStep:
    """Say what a run does next. `limit_ms` is the time to answer in, of each message."""
    for label in case.awaits:
        if not _of(exchanges, label):
            return _missing(case, label, exchanges, started_at, now)
    came: list[str] = []
    for label, wanted in case.sends:
        sent = next((e for e in exchanges if e.direction == "out" and e.label == label), None)
        if sent is None or sent.status == 0:
            return Send(label)
        step = _judge(wanted, sent, exchanges, now, limit_ms)
        if isinstance(step, Wait) or not step.is_passed:
            return step
        came.append(step.came)
    return Verdict(True, "; ".join(came))


def _missing(
    case: Case, label: str, exchanges: list[Exchange], started_at: datetime, now: datetime
) -> NextStep:
    """Something that the candidate must send is not there yet."""
    left_ms = _left_ms(started_at, now, WINDOW_MS)
    if label == "transfer" and case.awaits[0] == "busy":
        changed = _of(exchanges, "altered")
        if changed:
            return Verdict(False, "sent again with another content")
    if left_ms > 0:
        return Wait(left_ms)
    refused = [e.said for e in exchanges if e.label == "refused"]
    came = f"no {label} in {WINDOW_MS // 1000} s"
    return Verdict(False, "; ".join([came, *refused]))


def _judge(
    wanted: Wanted, sent: Exchange, exchanges: list[Exchange], now: datetime, limit_ms: int
) -> Wait | Verdict:
    http = f"HTTP {sent.status}" if sent.status > 0 else sent.said
    is_taken, is_refused = 200 <= sent.status < 300, 400 <= sent.status < 500
    answers = [e for e in exchanges if e.direction == "in" and e.about == sent.message_id]
    if wanted == "taken":
        return Verdict(is_taken, http)
    if wanted == "refused_by_http":
        answers = answers if sent.label == "forged" else []
        return _quiet(is_refused, http, answers, sent, now)
    if wanted == "refused":
        return _refused(http, sent, answers, now, limit_ms, is_taken=is_taken)
    if not is_taken:
        return Verdict(False, http)
    if wanted == "same_again":
        return _same_again(sent, answers, now, limit_ms)
    return _answered(wanted, sent, answers, now, limit_ms)


def _quiet(
    is_refused: bool, http: str, answers: list[Exchange], sent: Exchange, now: datetime
) -> Wait | Verdict:
    if not is_refused:
        return Verdict(False, http)
    if answers:
        return Verdict(False, f"{http}, and all the same {answers[0].said}")
    left_ms = _left_ms(sent.at, now, QUIET_MS)
    return Wait(left_ms) if left_ms > 0 else Verdict(True, http)


def _refused(
    http: str, sent: Exchange, answers: list[Exchange], now: datetime, limit_ms: int, *,
    is_taken: bool,
) -> Wait | Verdict:
    if answers:
        said = answers[0].said
        return Verdict(said.startswith(("RJCT", "admi.002")), f"{http}, {said}")
    if not is_taken:
        return _quiet(400 <= sent.status < 500, http, answers, sent, now)
    return _waiting(sent, now, limit_ms, http)


def _same_again(
    sent: Exchange, answers: list[Exchange], now: datetime, limit_ms: int
) -> Wait | Verdict:
    said = list(dict.fromkeys(e.said for e in answers))
    if len(said) > 1:
        return Verdict(False, f"different answers: {', '.join(said)}")
    if any(e.position > sent.position for e in answers):
        return Verdict(True, f"{said[0]} again")
    return _waiting(sent, now, limit_ms, "taken")


def _answered(
    wanted: Wanted, sent: Exchange, answers: list[Exchange], now: datetime, limit_ms: int
) -> Wait | Verdict:
    final = [e for e in answers if e.said not in ("ACSP", "PDNG")]
    if not final:
        return _waiting(sent, now, limit_ms, "taken")
    first = final[0]
    took_ms = _ms(sent.at, first.at)
    came = f"{first.said} after {took_ms} ms"
    if took_ms > limit_ms:
        return Verdict(False, f"{came}, later than {limit_ms} ms")
    if wanted == "closed":
        return Verdict(first.said == f"RJCT {CLOSED_REASON}", came)
    return Verdict(first.said in ("ACCC", "ACSC"), came)


def _waiting(sent: Exchange, now: datetime, limit_ms: int, so_far: str) -> Wait | Verdict:
    left_ms = _left_ms(sent.at, now, limit_ms)
    if left_ms > 0:
        return Wait(left_ms)
    return Verdict(False, f"{so_far}, then nothing in {limit_ms} ms")


def _of(exchanges: list[Exchange], label: str) -> list[Exchange]:
    return [e for e in exchanges if e.direction == "in" and e.label == label]


def _ms(since: datetime, until: datetime) -> int:
    return max(0, (until - since) // timedelta(milliseconds=1))


def _left_ms(since: datetime, now: datetime, length_ms: int) -> int:
    return length_ms - _ms(since, now)
