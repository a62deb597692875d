"""How a simulated bank behaves towards credit transfers, set while the city runs.

    GET  /operator/simulation     what is set, and what each word does (JSON, or a page with a form)
    PUT  /operator/simulation     set it (JSON)
    POST /operator/simulation     set it (the page's form)

Each behaviour has a share in percent and is drawn for each transfer from the seed and its
EndToEndId, so that the same seed and the same EndToEndIds meet the same weather again, in whatever
order they come. A magic amount (bank_magic.py) says more exactly what is wanted, and wins.
Not for: the switch, which knows none of this. Invariant: however a bank answers, it books a
transfer at most once and follows the switch's outcome (bank_payments.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.kernel.db import Connection
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import JobHandler
from lionrock.payments.api import CreditTransfer
from lionrock.sandbox.world.bank_desk import BankParts
from lionrock.sandbox.world.bank_magic import Behaviour, behaviour_of
from lionrock.sandbox.world.bank_payments import Plan
from lionrock.sandbox.world.pages import page, page_language, read_body
from lionrock.sandbox.world.store import read, write

KIND, KEY = "simulation", "payments"
DELAY_MS_MAX = 600_000
PATH = "/operator/simulation"

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Delay = Annotated[int, msgspec.Meta(ge=0, le=DELAY_MS_MAX)]
Reason = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}[0-9]{2}$")]


class Weather(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is set. The shares together are at most 100; what is left is answered as usual."""

    seed: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = "1"
    latency_ms_min: Delay = 0
    latency_ms_max: Delay = 0
    refusal_percent: Percent = 0
    refusal_reason: Reason = "AC04"
    silence_percent: Percent = 0
    duplicate_percent: Percent = 0
    late_percent: Percent = 0
    late_ms: Delay = 90_000
    out_of_order_percent: Percent = 0
    out_of_order_ms: Delay = 1_500

    def __post_init__(self) -> None:
        if self.latency_ms_min > self.latency_ms_max:
            raise ValueError("latency_ms_min is at most latency_ms_max")
        if sum(getattr(self, f"{name}_percent") for name in SHARES) > 100:
            raise ValueError("the shares together are at most 100 percent")


# In the order in which a draw from 0 to 99 meets their shares.
SHARES = ("refusal", "silence", "duplicate", "late", "out_of_order")
WORDS: Mapping[str, Text] = {
    "seed": Text("the same seed and EndToEndId meet the same behaviour again",
                 "相同的種子與 EndToEndId 會得到相同的行為", "相同的种子与 EndToEndId 会得到相同的行为"),
    "latency_ms_min": Text("every answer comes this late at least, in milliseconds",
                           "每個回覆最少延遲多少毫秒", "每个回复最少延迟多少毫秒"),
    "latency_ms_max": Text("and this late at most", "最多延遲多少毫秒", "最多延迟多少毫秒"),
    "refusal_percent": Text("share that is refused by pacs.002 RJCT",
                            "以 pacs.002 RJCT 拒絕的百分比", "以 pacs.002 RJCT 拒绝的百分比"),
    "refusal_reason": Text("the reason code of those", "拒絕的原因代碼", "拒绝的原因代码"),
    "silence_percent": Text("share that is taken, never credited and never answered",
                            "接收後不入賬亦不回覆的百分比", "接收后不入账亦不回复的百分比"),
    "duplicate_percent": Text("share that is credited once and answered twice, under two MsgIds",
                              "入賬一次但以兩個 MsgId 重複回覆的百分比",
                              "入账一次但以两个 MsgId 重复回复的百分比"),
    "late_percent": Text("share that is credited at once and answered late",
                         "即時入賬但遲回覆的百分比", "即时入账但迟回复的百分比"),
    "late_ms": Text("how late those are, in milliseconds; after its time-out the switch gives back",
                    "遲回覆的毫秒數；超過交換中心時限即退回", "迟回复的毫秒数；超过交换中心时限即退回"),
    "out_of_order_percent": Text("share whose answer is overtaken by those of later transfers",
                                 "回覆被其後轉賬超前的百分比", "回复被其后转账超前的百分比"),
    "out_of_order_ms": Text("how long those answers are held back, in milliseconds",
                            "回覆被扣起的毫秒數", "回复被扣起的毫秒数"),
}  # fmt: skip
TEXTS: Mapping[str, Text] = {
    "simulated": Text("This bank is simulated. No money moves.",
                      "這是模擬銀行，並無真實款項往來。", "这是模拟银行，并无真实款项往来。"),
    "behaviour": Text("How this bank behaves", "此銀行的行為", "此银行的行为"),
    "set": Text("Set", "設定", "设定"),
    "refused": Text("This is not taken", "未能接受", "未能接受"),
}  # fmt: skip


def draw(weather: Weather, end_to_end_id: str, what: str, below: int) -> int:
    """Draw a number from 0 to `below` - 1 that hangs on nothing but seed, EndToEndId and `what`."""
    assert below > 0, "there is something to draw from"
    text = "\n".join((weather.seed, what, end_to_end_id))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % below


def plan_of(weather: Weather, transfer: CreditTransfer) -> Plan:
    """Decide what happens to a transfer; a magic amount wins over what was drawn."""
    magic = behaviour_of(transfer.amount.amount_minor)
    if magic is not Behaviour.NORMAL:
        return Plan(behaviour=magic)
    name = transfer.end_to_end_id
    spread = weather.latency_ms_max - weather.latency_ms_min + 1
    delay_ms = weather.latency_ms_min + draw(weather, name, "latency", spread)
    drawn = _share(weather, draw(weather, name, "behaviour", 100))
    match drawn:
        case "refusal":
            return Plan(delay_ms=delay_ms, reason=weather.refusal_reason)
        case "silence":
            return Plan(behaviour=Behaviour.SILENT)
        case "duplicate":
            return Plan(behaviour=Behaviour.TWICE, delay_ms=delay_ms)
        case "late":
            return Plan(delay_ms=delay_ms + weather.late_ms)
        case "out_of_order":
            return Plan(delay_ms=delay_ms + weather.out_of_order_ms)
        case _:
            return Plan(delay_ms=delay_ms)


def _share(weather: Weather, number: int) -> str:
    for name in SHARES:
        number -= getattr(weather, f"{name}_percent")
        if number < 0:
            return name
    return ""


class Simulation:
    """The desk that sets how the bank behaves."""

    def __init__(self, parts: BankParts) -> None:
        self._parts = parts
        parts.payments.plan = self._plan

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints."""
        return (
            Route(PATH, self._show, methods=["GET"]),
            Route(PATH, self._put, methods=["PUT"]),
            Route(PATH, self._post, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None."""
        return {}

    async def _plan(self, db: Connection, transfer: CreditTransfer) -> Plan:
        return plan_of(await self._weather(db), transfer)

    async def _weather(self, db: Connection) -> Weather:
        found = await read(db, self._parts.bank_id, KIND, KEY)
        return msgspec.convert(found, Weather) if found is not None else Weather()

    async def _save(self, weather: Weather) -> None:
        bank_id, document = self._parts.bank_id, msgspec.to_builtins(weather)
        await self._parts.context.database.run(
            lambda db: write(db, bank_id, KIND, KEY, document)
        )

    async def _show(self, request: Request) -> Response:
        weather = await self._parts.context.database.run(self._weather)
        if "text/html" in request.headers.get("accept", ""):
            return self._page(request, weather)
        return JSONResponse(_described(weather))

    async def _put(self, request: Request) -> Response:
        """Set all of it; what is left out is as usual."""
        try:
            weather = msgspec.json.decode(await read_body(request), type=Weather)
        except msgspec.DecodeError as error:
            return JSONResponse(
                {"simulated": True, "error": "body_malformed", "detail": str(error)}, 400
            )
        await self._save(weather)
        return JSONResponse(_described(weather))

    async def _post(self, request: Request) -> Response:
        fields = dict(parse_qsl((await read_body(request)).decode("utf-8", "replace")))
        try:
            weather = msgspec.convert(fields, Weather, strict=False)
        except msgspec.ValidationError as error:
            before = await self._parts.context.database.run(self._weather)
            return self._page(request, before, status=400, problem=str(error))
        await self._save(weather)
        return RedirectResponse(f"/{self._parts.bank_id}{PATH}", 303)

    def _page(
        self, request: Request, weather: Weather, *, status: int = 200, problem: str = ""
    ) -> Response:
        language = page_language(request)
        values = msgspec.to_builtins(weather)
        fields = [(name, values[name], WORDS[name].in_language(language)) for name in values]
        return page(
            "bank_simulation.html", self._parts.context, language, TEXTS, status=status,
            heading=TEXTS["behaviour"].in_language(language), fields=fields, problem=problem,
        )


def _described(weather: Weather) -> dict[str, Any]:
    return {
        "simulated": True, "set": msgspec.to_builtins(weather),
        "words": {name: text.en for name, text in WORDS.items()},
    }
