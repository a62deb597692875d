"""The answer to a file, pain.002, in parts that follow one another without a gap.

Part 0 opens the document and speaks of the file; parts 1 to n hold ANSWER_ENTRIES entries each; the
last one closes it. Written as text, because no part is a document of its own; every value is an
identifier, a code or a sentence of ours, and is escaped all the same.
Source: ISO 20022 pain.002.001.10. Invariant: the same entries give the same bytes.
"""

from __future__ import annotations

from datetime import datetime
from xml.sax.saxutils import escape

from lionrock.kernel.money import format_minor
from lionrock.payments.domain.iso20022.elements import Node, instant_text
from lionrock.payments.domain.iso20022.messages import namespace_of
from lionrock.payments.files.domain.values import BatchFile, EntryState

ANSWER = "pain.002.001.10"
ANSWER_ENTRIES = 1_000
REASON_LENGTH_MAX = 105
MESSAGE_ID_UNKNOWN = "NOTPROVIDED"
_CODES = {"settled": "ACSC", "rejected": "RJCT"}


def part_count(entry_count: int) -> int:
    """How many parts an answer about so many entries has."""
    return 2 + -(-entry_count // ANSWER_ENTRIES)


def opening(file: BatchFile, at: datetime) -> bytes:
    """Part 0: the document's beginning, and what became of the file as a whole."""
    original: list[Node] = [
        ("OrgnlMsgId", file.message_id or MESSAGE_ID_UNKNOWN), ("OrgnlMsgNmId", file.definition),
    ]
    if file.refusal:
        original += [("GrpSts", "RJCT"), ("StsRsnInf", _file_reason(file))]
    else:
        counts = {"ACSC": file.settled_count, "RJCT": file.rejected_count}
        per_status: list[Node] = [
            ("NbOfTxsPerSts", [("DtldNbOfTxs", str(count)), ("DtldSts", code)])
            for code, count in counts.items() if count
        ]
        original += [
            ("OrgnlNbOfTxs", str(file.entry_count)),
            ("OrgnlCtrlSum", format_minor(file.control_sum, "HKD")),
            ("GrpSts", group_status(file)),
            *per_status,
        ]
    header: list[Node] = [
        ("MsgId", file.id.rpartition("_")[2]), ("CreDtTm", instant_text(at)),
    ]
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{namespace_of(ANSWER)}">'
        f"<CstmrPmtStsRpt>{_text(('GrpHdr', header))}{_text(('OrgnlGrpInfAndSts', original))}"
    )
    return text.encode()


def entries_part(entries: list[EntryState], block_before: str) -> bytes:
    """A part of entries; `block_before` is the block of the entry before the first, "" for none."""
    lines, block = [], block_before
    for entry in entries:
        if entry.block_id != block:
            if block:
                lines.append("</OrgnlPmtInfAndSts>")
            lines.append(f"<OrgnlPmtInfAndSts>{_text(('OrgnlPmtInfId', entry.block_id))}")
            block = entry.block_id
        lines.append(_text(("TxInfAndSts", _entry(entry))))
    return "".join(lines).encode()


def closing(entry_count: int) -> bytes:
    """The last part."""
    block = "</OrgnlPmtInfAndSts>" if entry_count else ""
    return f"{block}</CstmrPmtStsRpt></Document>\n".encode()


def group_status(file: BatchFile) -> str:
    """All settled, none, or some."""
    if file.settled_count == file.entry_count:
        return "ACSC"
    return "PART" if file.settled_count else "RJCT"


def _entry(entry: EntryState) -> list[Node]:
    nodes: list[Node] = [("StsId", str(entry.number))]
    if entry.instruction_id:
        nodes.append(("OrgnlInstrId", entry.instruction_id))
    nodes += [("OrgnlEndToEndId", entry.end_to_end_id), ("TxSts", _CODES[entry.status])]
    if entry.reason_code:
        also: list[Node] = (
            [("AddtlInf", entry.reason_text[:REASON_LENGTH_MAX])] if entry.reason_text else []
        )
        nodes.append(("StsRsnInf", [("Rsn", [("Cd", entry.reason_code)]), *also]))
    return nodes


def _file_reason(file: BatchFile) -> list[Node]:
    sentences = [
        file.detail[start:start + REASON_LENGTH_MAX].strip()
        for start in range(0, len(file.detail), REASON_LENGTH_MAX)
    ][:4]
    return [
        ("Rsn", [("Prtry", file.refusal)]),
        *(("AddtlInf", sentence) for sentence in sentences if sentence),
    ]


def _text(node: Node) -> str:
    name, content = node
    if isinstance(content, str):
        return f"<{name}>{escape(content)}</{name}>"
    assert isinstance(content, list), "an answer holds no amounts with a currency"
    return f"<{name}>{''.join(_text(each) for each in content)}</{name}>"
