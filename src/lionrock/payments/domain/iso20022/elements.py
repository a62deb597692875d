"""Elements that several families share: how to find and read them, and how to write them.

Reading happens after the schema has been checked, so that what it demands is there. Writing makes
nodes, (name, content) pairs, which `write` turns into XML. Not for: whole messages (the families).
Source: ISO 20022 XML design rules (one namespace per definition; prefixes differ between banks).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeAlias

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022.messages import Header, PartyAccount, Proxy, ProxyKind
from lionrock.payments.domain.refusals import PaymentRefusal

Node: TypeAlias = tuple[str, "str | Money | list[Node]"]
XML_SPACE = " \t\r\n"
# By the element that names the type of a proxy: a code of ISO's external set, or one of ours.
PROXY_KINDS: dict[tuple[str, str], ProxyKind] = {
    ("Cd", "TELE"): "mobile", ("Cd", "EMAL"): "email", ("Prtry", "FPSID"): "fps_id",
}
PROXY_TYPES: dict[ProxyKind, tuple[str, str]] = {kind: told for told, kind in PROXY_KINDS.items()}
_AGENTS = (("InstgAgt", "from_member"), ("InstdAgt", "to_member"))


class Fields:
    """What is in an element, by paths of local names below it: `PmtId/EndToEndId`.

    Of several under one path the first counts, as in `Element.find`. It is all listed at once:
    looking along every path by itself took twice the time.
    """

    __slots__ = ("_there", "_under")

    def __init__(self, element: Any) -> None:
        self._there: dict[str, Any] = {}
        self._under = ""
        _list(element, "", self._there)

    def get(self, path: str) -> Any:
        """Return the element under a path, None when there is none."""
        return self._there.get(self._under + path)

    def below(self, path: str) -> Fields:
        """Return what is below a path, which is there."""
        within = Fields.__new__(Fields)
        within._there, within._under = self._there, f"{self._under}{path}/"
        return within


def _list(element: Any, under: str, there: dict[str, Any]) -> None:
    for child in element:
        tag = child.tag
        if not isinstance(tag, str):
            continue  # a comment in a file; messages have none
        path = under + tag.rpartition("}")[2]
        there.setdefault(path, child)
        if len(child):
            _list(child, f"{path}/", there)


def find(fields: Fields, path: str) -> Fields:
    """Return what is below a path; the schema demands that it is there."""
    assert fields.get(path) is not None, f"the schema demands {path}"
    return fields.below(path)


def text_of(fields: Fields, path: str) -> str:
    """Return the text of an element that the schema demands."""
    found = fields.get(path)
    assert found is not None, f"the schema demands {path}"
    return (found.text or "").strip(XML_SPACE)


def optional_text(fields: Fields, path: str) -> str:
    """Return the text of an element, "" when it is not there."""
    found = fields.get(path)
    return (found.text or "").strip(XML_SPACE) if found is not None else ""


def amount_of(fields: Fields, path: str) -> Money:
    """Return an amount with its currency attribute."""
    found = fields.get(path)
    assert found is not None, f"the schema demands {path}"
    return Money.parse(found.text.strip(XML_SPACE), found.get("Ccy"))


def instant_of(text: str) -> datetime:
    """Return an ISODateTime with an offset as an aware instant in UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def member_of(fields: Fields, path: str) -> str:
    """Return the clearing code of an agent, "" when it is not there."""
    return optional_text(fields, f"{path}/FinInstnId/ClrSysMmbId/MmbId")


def party_of(transaction: Fields, name: str) -> PartyAccount:
    """Return the party `name` ("Dbtr", "Cdtr") with the account and agent beside it."""
    return PartyAccount(
        name=text_of(transaction, f"{name}/Nm"),
        account=text_of(transaction, f"{name}Acct/Id/Othr/Id"),
        member=text_of(transaction, f"{name}Agt/FinInstnId/ClrSysMmbId/MmbId"),
    )


def proxy_of(account: Fields) -> Proxy | None:
    """Return the proxy of a cash account, None when it has none."""
    value = optional_text(account, "Prxy/Id")
    if not value:
        return None
    code = optional_text(account, "Prxy/Tp/Cd")
    told = ("Cd", code) if code else ("Prtry", text_of(account, "Prxy/Tp/Prtry"))
    return Proxy(kind=PROXY_KINDS[told], value=value)


def check_message_id(header: Header, body: Fields, path: str) -> Refused | None:
    """The header and the document name the same message (head.001 BizMsgIdr)."""
    if text_of(body, path) == header.message_id:
        return None
    return Refused(
        PaymentRefusal.REFERENCE_DIFFERS, f"BizMsgIdr and {path.rpartition('/')[2]} are the same "
        "identifier.", "/Envelope/AppHdr/BizMsgIdr",
    )


def check_agents(header: Header, fields: Fields) -> Refused | None:
    """The instructing and instructed agents of an element, where given, are the header's."""
    for name, side in _AGENTS:
        agent, member = member_of(fields, name), getattr(header, side)
        if agent and agent != member:
            return Refused(
                PaymentRefusal.AGENT_DIFFERS, f"{name} is {agent}, the header says {member}.", name
            )
    return None


def instant_text(instant: datetime) -> str:
    """Write an instant in UTC with milliseconds."""
    assert instant.tzinfo is not None, "instants are timezone-aware"
    in_utc = instant.astimezone(UTC).replace(tzinfo=None)
    return in_utc.isoformat(timespec="milliseconds") + "Z"


def institution(member: str) -> list[Node]:
    """Write an agent by its clearing code."""
    return [("FinInstnId", [("ClrSysMmbId", [("MmbId", member)])])]


def account(number: str, proxy: Proxy | None = None) -> list[Node]:
    """Write a cash account, with the proxy that stands for it."""
    nodes: list[Node] = [("Id", [("Othr", [("Id", number)])])]
    if proxy is not None:
        nodes.append(("Prxy", [("Tp", [PROXY_TYPES[proxy.kind]]), ("Id", proxy.value)]))
    return nodes


def agents(header: Header) -> list[Node]:
    """Write the instructing and instructed agents, which are the header's members."""
    return [
        ("InstgAgt", institution(header.from_member)),
        ("InstdAgt", institution(header.to_member)),
    ]


def group_header(header: Header) -> list[Node]:
    """Write a group header that says which message, when, and who instructs whom."""
    return [
        ("MsgId", header.message_id),
        ("CreDtTm", instant_text(header.created_at)),
        *agents(header),
    ]


def original_group(message_id: str, definition: str) -> Node:
    """Write which message another one is about."""
    return "OrgnlGrpInf", [("OrgnlMsgId", message_id), ("OrgnlMsgNmId", definition)]
