"""A running sandbox city as these commands reach it: its platform and its simulated banks.

The commands stand at a simulated bank's counter; what the bank is asked, it does in its own name.
Not for: `serve`, which has no simulated banks.
"""

from __future__ import annotations

from typing import Any, Literal

import httpx
import msgspec

from lionrock.app.supervisor import CityRefused
from lionrock.cli.city import settings_from
from lionrock.kernel.errors import Refused

TIMEOUT_S = 15.0
_FPS_ID_DIGITS = (7, 9)


class AccountName(msgspec.Struct, frozen=True):
    """An account at a simulated bank, written BANK/NUMBER."""

    bank: str
    number: str


class Town:
    """The city on this machine."""

    def __init__(self, port: int | None) -> None:
        settings = settings_from(None, None, None, port)
        self.platform_url = settings.public_url.rstrip("/")
        self.world_url = settings.world_url.rstrip("/")
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)

    def ask_bank(
        self, method: str, bank: str, path: str, body: object | None = None
    ) -> httpx.Response:
        """Call a simulated bank; CityRefused when there is no city or no such bank."""
        reply = self._call(method, f"{self.world_url}/{bank}{path}", body)
        # The world knows no such address at all; a bank's own refusals are JSON.
        if reply.status_code == 404 and "json" not in reply.headers.get("content-type", ""):
            raise CityRefused(f"there is no simulated bank {bank!r}; there are: {self._banks()}")
        return reply

    def ask_platform(self, method: str, path: str, body: object | None = None) -> httpx.Response:
        """Call the platform without a signature: its public endpoints."""
        return self._call(method, f"{self.platform_url}{path}", body)

    def _call(self, method: str, url: str, body: object | None) -> httpx.Response:
        content = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} if content else {}
        try:
            return self._http.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise CityRefused(
                f"nothing answers at {url.partition('/operator')[0]}; start a city with: "
                "lionrock up"
            ) from error

    def _banks(self) -> str:
        return ", ".join(self.banks()) or "none"

    def banks(self) -> list[str]:
        """The simulated banks."""
        reply = self.ask_platform("GET", "/directory/v1/organisations?role=participant")
        return [each["id"] for each in reply.json()["organisations"]]

    def account(self, text: str | None) -> AccountName:
        """Read BANK/NUMBER; CityRefused lists what there is when it names no account."""
        bank, slash, number = (text or "").partition("/")
        if slash and number.replace("-", "").isalnum() and self._has(bank, number):
            return AccountName(bank, number)
        known = [
            f"{name}/{each['number']}"
            for name in self.banks()
            for each in self.ask_bank("GET", name, "/accounts").json()["accounts"]
        ]
        asked = f"there is no account {text!r}" if text else "name the account with --from"
        raise CityRefused(f"{asked}; accounts here: {', '.join(known) or 'none'}")

    def _has(self, bank: str, number: str) -> bool:
        return self.ask_bank("GET", bank, f"/accounts/{number}").status_code == 200


def kind_of(proxy: str) -> Literal["mobile", "email", "fps_id"]:
    """What kind of proxy a text is: an e-mail has an @, an FPS ID 7 or 9 plain digits."""
    if "@" in proxy:
        return "email"
    is_fps_id = proxy.isascii() and proxy.isdigit() and len(proxy) in _FPS_ID_DIGITS
    return "fps_id" if is_fps_id else "mobile"


def sentence_of(reply: httpx.Response) -> str:
    """Why something was refused, in one sentence with its stable code."""
    try:
        problem: dict[str, Any] = reply.json()
    except ValueError:
        return f"the answer was {reply.status_code}"
    words = [problem.get("title", ""), problem.get("detail", "")]
    code = problem.get("code") or problem.get("error") or str(reply.status_code)
    return f"{' '.join(filter(None, words)) or 'refused'} ({code})".strip()


def explained(refused: Refused, title: str) -> str:
    """The same for a refusal of a pure function."""
    at = f", tag {refused.field}" if refused.field else ""
    return f"{' '.join(filter(None, (title, refused.detail)))} ({refused.refusal.value}{at})"
