"""Batch files for tests: made as text, so that each test can spoil them as it likes."""

from __future__ import annotations

from collections.abc import Iterator

from lionrock.kernel.money import format_minor

AT = "2026-02-20T09:00:00.000Z"


def agent(name: str, member: str) -> str:
    """An agent by clearing code."""
    return (
        f"<{name}><FinInstnId><ClrSysMmbId><MmbId>{member}</MmbId></ClrSysMmbId></FinInstnId>"
        f"</{name}>"
    )


def party(name: str, person: str, account: str) -> str:
    """A party with its account; the agent stands elsewhere."""
    return (
        f"<{name}><Nm>{person}</Nm></{name}><{name}Acct><Id><Othr><Id>{account}</Id></Othr></Id>"
        f"</{name}Acct>"
    )


def credit_entry(
    number: int, amount_minor: int, *, member: str = "307", account: str = "307-000001",
    currency: str = "HKD", proxy: str = "", end_to_end_id: str = "",
) -> str:
    """One credit transfer of a file."""
    end_to_end_id = end_to_end_id or f"SALARY-{number}"
    proxied = f"<Prxy><Tp><Cd>TELE</Cd></Tp><Id>{proxy}</Id></Prxy>" if proxy else ""
    return (
        f"<CdtTrfTxInf><PmtId><InstrId>I{number}</InstrId><EndToEndId>{end_to_end_id}</EndToEndId>"
        f'</PmtId><Amt><InstdAmt Ccy="{currency}">{format_minor(amount_minor, currency)}</InstdAmt>'
        f"</Amt>{agent('CdtrAgt', member)}<Cdtr><Nm>Worker {number}</Nm></Cdtr><CdtrAcct><Id><Othr>"
        f"<Id>{account}</Id></Othr></Id>{proxied}</CdtrAcct>"
        f"<RmtInf><Ustrd>Salary {number}</Ustrd></RmtInf></CdtTrfTxInf>\n"
    )


def credit_file(
    amounts: list[int], *, message_id: str = "FILE-1", block_entries_max: int = 1_000,
    count: int | None = None, total: int | None = None, member: str = "512",
    day: str = "2026-02-20", entries: list[str] | None = None, blocks_say: bool = True,
) -> bytes:
    """A pain.001 of Lantau's (512) to Harbour's (307) customer, in blocks."""
    return b"".join(credit_pieces(
        amounts, message_id=message_id, block_entries_max=block_entries_max, count=count,
        total=total, member=member, day=day, entries=entries, blocks_say=blocks_say,
    ))


def credit_pieces(
    amounts: list[int], *, message_id: str = "FILE-1", block_entries_max: int = 1_000,
    count: int | None = None, total: int | None = None, member: str = "512",
    day: str = "2026-02-20", entries: list[str] | None = None, blocks_say: bool = True,
) -> Iterator[bytes]:
    """The same, a block at a time."""
    count = len(amounts) if count is None else count
    total = sum(amounts) if total is None else total
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{AT}</CreDtTm><NbOfTxs>{count}</NbOfTxs>"
        f"<CtrlSum>{format_minor(total, 'HKD')}</CtrlSum><InitgPty><Nm>Tea House</Nm></InitgPty>"
        "</GrpHdr>\n"
    ).encode()
    for start in range(0, len(amounts), block_entries_max):
        own = amounts[start:start + block_entries_max]
        says = (
            f"<NbOfTxs>{len(own)}</NbOfTxs><CtrlSum>{format_minor(sum(own), 'HKD')}</CtrlSum>"
            if blocks_say else ""
        )
        made = entries[start:start + block_entries_max] if entries else [
            credit_entry(start + index + 1, amount) for index, amount in enumerate(own)
        ]
        yield (
            f"<PmtInf><PmtInfId>BLOCK-{start}</PmtInfId><PmtMtd>TRF</PmtMtd>{says}"
            f"<ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>"
            f"{party('Dbtr', 'Little Tea House', '512-000009')}{agent('DbtrAgt', member)}"
            f"{''.join(made)}</PmtInf>\n"
        ).encode()
    yield b"</CstmrCdtTrfInitn></Document>"


def debit_file(amounts: list[int], *, mandate_id: str, message_id: str = "DEBITS-1") -> bytes:
    """A pain.008 of Lantau's (512) from Harbour's (307) customer, in one block."""
    entries = "".join(
        f"<DrctDbtTxInf><PmtId><EndToEndId>BILL-{number}</EndToEndId></PmtId>"
        "<PmtTpInf><SeqTp>RCUR</SeqTp></PmtTpInf>"
        f'<InstdAmt Ccy="HKD">{format_minor(amount, "HKD")}</InstdAmt>'
        f"<DrctDbtTx><MndtRltdInf><MndtId>{mandate_id}</MndtId></MndtRltdInf></DrctDbtTx>"
        f"{agent('DbtrAgt', '307')}{party('Dbtr', 'Harbour Robotics Limited', '307-000001')}"
        "</DrctDbtTxInf>\n"
        for number, amount in enumerate(amounts, start=1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.10"><CstmrDrctDbtInitn>'
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{AT}</CreDtTm><NbOfTxs>{len(amounts)}"
        f"</NbOfTxs><CtrlSum>{format_minor(sum(amounts), 'HKD')}</CtrlSum>"
        "<InitgPty><Nm>Tea House</Nm></InitgPty></GrpHdr>"
        "<PmtInf><PmtInfId>BLOCK-0</PmtInfId><PmtMtd>DD</PmtMtd>"
        "<ReqdColltnDt>2026-02-20</ReqdColltnDt>"
        f"{party('Cdtr', 'Little Tea House', '512-000009')}{agent('CdtrAgt', '512')}{entries}"
        "</PmtInf></CstmrDrctDbtInitn></Document>"
    ).encode()
