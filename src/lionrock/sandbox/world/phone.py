"""The phone simulator: one page per persona, and a JSON door for the demo's driver.

It plays the app on each person's phone: it holds the device keys, fetches what is asked, shows the
exact words, and signs the answer. Before it signs it computes the hash of what it shows itself; a
platform that asks to sign another hash than that of the words is not obeyed. The number to match
is typed in by the person: it is on the service's page and never comes here.

Simulated: all personas' phones live in this one party, without a lock screen. It reaches the
platform over HTTP only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from lionrock.identity.api import ANSWER_TYPE, ENROLMENT_TYPE, canonical_json
from lionrock.kernel.i18n import Text
from lionrock.kernel.jobs import JobHandler
from lionrock.kernel.jose import Key, sign_jws
from lionrock.kernel.network import Reply, Unreachable
from lionrock.kernel.signatures import sign_request
from lionrock.sandbox.world.answering import HABITS, Answering, PhoneRefused
from lionrock.sandbox.world.frame import WorldContext
from lionrock.sandbox.world.pages import page, page_language, read_body

FORM_SCAN_PATH = "/identity/forms/scan/"
_PERSONA = re.compile(r"[a-z][a-z0-9-]{1,30}")

TEXTS = {
    "title": Text("Phones", "手機", "手机"),
    "simulated": Text(
        "Simulated phones: in a real city each person has one.",
        "模擬手機：真實城市中每人各有一部。", "模拟手机：真实城市中每人各有一部。",
    ),
    "phone_of": Text("Phone of {name}", "{name}的手機", "{name}的手机"),
    "nothing": Text("Nothing is asked.", "暫無待確認事項。", "暂无待确认事项。"),
    "number": Text(
        "Number on the service's page", "服務網頁顯示的號碼", "服务网页显示的号码"
    ),
    "fields": Text("Fields to give", "提供的資料", "提供的资料"),
    "choose": Text("Show the words for these", "顯示相應文字", "显示相应文字"),
    "approve": Text("Approve", "批准", "批准"),
    "reject": Text("Reject", "拒絕", "拒绝"),
    "refused": Text("Not accepted:", "未獲接納：", "未获接纳："),
    "asked_by": Text("Asked by {requester}", "由{requester}提出", "由{requester}提出"),
    "refresh": Text("Look again", "重新整理", "刷新"),
    "scan": Text("What the camera reads", "鏡頭讀到的內容", "镜头读到的内容"),
    "scan_button": Text("Scan", "掃描", "扫描"),
}  # fmt: skip


class Phone:
    """All personas' phones. `id` is its name in the world."""

    id = "phone"

    def __init__(self, context: WorldContext, habit: str = "ask") -> None:
        self._context = context
        self.answering = Answering(context, self, habit)

    def routes(self) -> Sequence[BaseRoute]:
        """Its endpoints, relative to its own address."""
        return (
            Route("/", self.show_index),
            Route("/api/{persona}", self.api_enrol, methods=["POST"]),
            Route("/api/{persona}/approvals", self.api_pending),
            Route("/api/{persona}/answers", self.api_answer, methods=["POST"]),
            Route("/api/{persona}/choices", self.api_choose, methods=["POST"]),
            Route("/api/{persona}/scans", self.api_scan, methods=["POST"]),
            Route("/api/{persona}/auto", self.api_set_auto, methods=["PUT"]),
            Route("/auto", self.api_auto),
            Route("/{persona}", self.show_phone, methods=["GET"]),
            Route("/{persona}", self.post_answer, methods=["POST"]),
        )

    def jobs(self) -> Mapping[str, JobHandler]:
        """None that must survive: what a phone does by itself is a loop."""
        return {}

    def loops(self) -> Sequence[Callable[[], Awaitable[None]]]:
        """Answering by itself, where a phone was told to."""
        return (self.answering.run_for_ever,)

    # What a phone does.

    async def enrol(self, persona: str, code: str) -> str:
        """Make a key, prove it, bind it to the code's person; returns the device id.

        Enrolling again replaces the phone. PhoneRefused with the platform's code.
        """
        generation = len(await self._context.store.list(self.id, f"device/{persona}"))
        key_name = f"{self.id}/{persona}.{generation}"
        key = self._context.key_store.get_or_create(key_name)
        claims = {
            "code": code, "aud": self._context.platform_url,
            "iat": self._context.wire_clock.now_s(),
        }  # fmt: skip
        proof = sign_jws(key, claims, typ=ENROLMENT_TYPE)
        body = {"code": code, "public_jwk": key.bare_jwk, "proof": proof}
        answer = await self._context.network.send(
            "POST", f"{self._context.platform_url}/identity/v1/devices",
            {"content-type": "application/json"}, msgspec.json.encode(body),
        )  # fmt: skip
        enrolled = _accepted(answer)
        device = {
            "device_id": enrolled["device_id"], "names": enrolled["names"], "key": key_name,
        }  # fmt: skip
        await self._context.store.put(self.id, f"device/{persona}", f"{generation:06d}", device)
        await self._context.store.put(self.id, "persona", persona, device)
        self.answering.look_again()
        return str(enrolled["device_id"])

    async def pending(self, persona: str) -> list[dict[str, Any]]:
        """Return what the persona is asked, oldest first, as the platform sent it."""
        answer = await self._send(persona, "GET", "/identity/v1/device/approvals")
        return list(_accepted(answer)["approvals"])

    async def answer(
        self, persona: str, approval_id: str, decision: str, number: str | None = None
    ) -> str:
        """Sign an answer to what is shown; returns the approval's state.

        PhoneRefused "phone.not_asked", or "phone.words_differ" when the hash asked for is not that
        of the words; else the platform's code.
        """
        asked = next(
            (a for a in await self.pending(persona) if a["approval_id"] == approval_id), None
        )
        if asked is None:
            raise PhoneRefused(404, "phone.not_asked")
        if shown_hash(asked) != asked["words_hash"]:
            raise PhoneRefused(502, "phone.words_differ", "the words are not what is to be signed")
        claims: dict[str, Any] = {
            "approval_id": approval_id, "words_hash": asked["words_hash"], "decision": decision,
            "iat": self._context.wire_clock.now_s(),
        }  # fmt: skip
        if number:
            claims["number"] = number
        key, _ = await self._device(persona)
        body = msgspec.json.encode({"answer": sign_jws(key, claims, typ=ANSWER_TYPE)})
        path = f"/identity/v1/device/approvals/{approval_id}/answer"
        return str(_accepted(await self._send(persona, "POST", path, body))["state"])

    async def choose(
        self, persona: str, approval_id: str, fields: Sequence[str]
    ) -> dict[str, Any]:
        """Keep only these fields of a form ticked; returns the question with its new words.

        PhoneRefused with the platform's code.
        """
        body = msgspec.json.encode({"fields": list(fields)})
        path = f"/identity/v1/device/approvals/{approval_id}/fields"
        return _accepted(await self._send(persona, "POST", path, body))

    async def scan(self, persona: str, content: str) -> dict[str, Any]:
        """Send what the camera read, or the link that opened the app; returns what is asked.

        With `return_to`, the app opens that address in this device's browser after the answer.
        PhoneRefused with the platform's code.
        """
        body = msgspec.json.encode({"content": content})
        if content.startswith(f"{self._context.platform_url}{FORM_SCAN_PATH}"):
            path = "/identity/v1/device/fillings"
            return {"approval": _accepted(await self._send(persona, "POST", path, body))}
        found = _accepted(await self._send(persona, "POST", "/identity/v1/device/scans", body))
        if "return_to" in found:
            approval_id = str(found["approval"]["approval_id"])
            way_back = {"return_to": found["return_to"]}
            await self._context.store.put(self.id, "way_back", approval_id, way_back)
        return found

    # Pages.

    async def show_index(self, request: Request) -> Response:
        """The list of phones."""
        language = page_language(request)
        personas = await self._context.store.list(self.id, "persona")
        return self._page(
            "phones", language,
            phones=[(p, _name(d["names"], language)) for p, d in personas.items()],
        )  # fmt: skip

    async def show_phone(self, request: Request, refused: PhoneRefused | None = None) -> Response:
        """One phone: what is asked, with its words, a number field and two buttons."""
        persona, language = request.path_params["persona"], page_language(request)
        known = await self._context.store.get(self.id, "persona", persona)
        if known is None:
            return RedirectResponse(f"{self._context.address(self.id)}/", 303)
        try:
            asked = await self.pending(persona)
        except (PhoneRefused, Unreachable) as error:
            asked = []
            refused = error if isinstance(error, PhoneRefused) else PhoneRefused(503, str(error))
        return self._page(
            "phone", language, status=refused.status if refused else 200, persona=persona,
            heading=TEXTS["phone_of"].format(name=_name(known["names"], language)),
            asked=asked, refused=refused,
        )  # fmt: skip

    async def post_answer(self, request: Request) -> Response:
        """A button was pressed on a phone's page."""
        persona = request.path_params["persona"]
        # The page has no session to ride on, but another site's form must not press its buttons.
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return JSONResponse({"code": "phone.foreign_form"}, 403)
        pairs = parse_qsl((await read_body(request)).decode("utf-8", "replace"))
        form = dict(pairs)
        try:
            if "content" in form:
                await self.scan(persona, form["content"])
                return RedirectResponse(f"{self._context.address(self.id)}/{persona}", 303)
            approval_id = form.get("approval_id", "")
            ticked = [value for name, value in pairs if name == "field"]
            if "choosing" in form and form.get("decision") != "rejected" and (
                await self._chooses(persona, approval_id, ticked)
            ):
                # The new words are read before they are answered.
                return RedirectResponse(f"{self._context.address(self.id)}/{persona}", 303)
            await self.answer(
                persona, approval_id, form.get("decision", ""), form.get("number")
            )
        except PhoneRefused as error:
            return await self.show_phone(request, error)
        way_back = await self._context.store.get(self.id, "way_back", form.get("approval_id", ""))
        if way_back is not None:
            # The app brings the browser of this device back to the page that it came from.
            return RedirectResponse(str(way_back["return_to"]), 303)
        return RedirectResponse(f"{self._context.address(self.id)}/{persona}", 303)

    # The driver's door.

    async def api_enrol(self, request: Request) -> Response:
        """POST {"code"}: enrol this persona's phone."""
        persona = request.path_params["persona"]
        body = _json(await read_body(request))
        if not _PERSONA.fullmatch(persona) or not isinstance(body.get("code"), str):
            return JSONResponse({"code": "phone.malformed"}, 400)
        return await _answered(self.enrol(persona, body["code"]), "device_id", 201)

    async def api_pending(self, request: Request) -> Response:
        """GET: what this persona is asked."""
        return await _answered(self.pending(request.path_params["persona"]), "approvals")

    async def api_answer(self, request: Request) -> Response:
        """POST {"approval_id", "decision", "number"?}: answer, as if a button was pressed."""
        body = _json(await read_body(request))
        number = body.get("number")
        return await _answered(
            self.answer(
                request.path_params["persona"], str(body.get("approval_id", "")),
                str(body.get("decision", "")), str(number) if number is not None else None,
            ),
            "state",
        )  # fmt: skip

    async def api_choose(self, request: Request) -> Response:
        """POST {"approval_id", "fields"}: leave the other fields of a form out."""
        body = _json(await read_body(request))
        fields = body.get("fields")
        if not isinstance(fields, list):
            return JSONResponse({"code": "phone.malformed"}, 400)
        chosen = [str(field) for field in fields]
        approval_id = str(body.get("approval_id", ""))
        return await _answered(
            self.choose(request.path_params["persona"], approval_id, chosen), "approval"
        )

    async def api_scan(self, request: Request) -> Response:
        """POST {"content"}: scan a code, or open an app link."""
        content = _json(await read_body(request)).get("content")
        if not isinstance(content, str):
            return JSONResponse({"code": "phone.malformed"}, 400)
        return await _answered(self.scan(request.path_params["persona"], content), "scan", 201)

    async def api_auto(self, _request: Request) -> Response:
        """GET: what each phone does by itself."""
        return JSONResponse({"auto": await self.answering.habits()})

    async def api_set_auto(self, request: Request) -> Response:
        """PUT {"decision": "approve"|"deny"|"ask"}: what this phone does by itself from now on."""
        persona, habit = request.path_params["persona"], _json(await read_body(request))
        decision = habit.get("decision")
        if decision not in HABITS:
            return JSONResponse({"code": "phone.malformed"}, 400)
        if await self._context.store.get(self.id, "persona", persona) is None:
            return JSONResponse({"code": "phone.unknown"}, 404)
        await self.answering.set(persona, decision)
        return JSONResponse({"decision": decision})

    async def _chooses(self, persona: str, approval_id: str, ticked: Sequence[str]) -> bool:
        """Say whether other fields are ticked than the words show, and have them made anew."""
        for asked in await self.pending(persona):
            chosen = {each["name"] for each in asked["form_fields"] if each["is_chosen"]}
            if asked["approval_id"] == approval_id and chosen != set(ticked):
                await self.choose(persona, approval_id, ticked)
                return True
        return False

    async def _device(self, persona: str) -> tuple[Key, str]:
        known = await self._context.store.get(self.id, "persona", persona)
        key = self._context.key_store.get(known["key"]) if known else None
        if known is None or key is None:
            raise PhoneRefused(404, "phone.unknown", "no phone is enrolled for this persona")
        return key, str(known["device_id"])

    async def _send(self, persona: str, method: str, path: str, body: bytes = b"") -> Reply:
        key, device_id = await self._device(persona)
        url = f"{self._context.platform_url}{path}"
        headers = sign_request(
            method=method, url=url, body=body, key=key, keyid=device_id,
            headers={"content-type": "application/json"} if body else None,
            now_s=self._context.wire_clock.now_s(),
        )  # fmt: skip
        return await self._context.network.send(method, url, headers, body)

    def _page(self, name: str, language: str, status: int = 200, **values: Any) -> HTMLResponse:
        heading = values.pop("heading", TEXTS["title"]).in_language(language)
        return page(
            "phone.html", self._context, language, TEXTS, status=status, view=name,
            base=self._context.address(self.id), heading=heading, **values,
        )  # fmt: skip


def shown_hash(asked: Mapping[str, Any]) -> str:
    """Return the hash of what a phone shows: canonical JSON of exactly the members it received."""
    shown = {name: asked[name] for name in ("language", "template", "fields", "words", "salt")}
    return hashlib.sha256(canonical_json(shown)).hexdigest()


def _accepted(answer: Reply) -> dict[str, Any]:
    """Return the platform's JSON; PhoneRefused with its stable code when it refused."""
    fields = _json(answer.body)
    if answer.status >= 400:
        code, detail = str(fields.get("code", "")), str(fields.get("title", ""))
        raise PhoneRefused(answer.status, code or "phone.platform", detail)
    return fields


async def _answered(work: Any, name: str, status: int = 200) -> Response:
    try:
        return JSONResponse({name: await work}, status)
    except PhoneRefused as error:
        return JSONResponse({"code": error.code, "detail": error.detail}, error.status)
    except Unreachable as error:
        return JSONResponse({"code": "phone.unreachable", "detail": str(error)}, 503)


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _name(names: Mapping[str, str], language: str) -> str:
    return names.get(language) or names["en"]
