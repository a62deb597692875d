"""Reading a file of any size in pieces: well-formedness, markup, schema, sums; bounded memory.

The schema check is exact and streaming: libxml2's validator is plugged into the parser's own events
(xmlSchemaSAXPlug) and sees every element of the file once, in order, while this module throws the
elements away behind itself; the verdict is the one that it gives on a whole tree, because our
schemas have no identity constraints or IDs (what in XML Schema looks back). It is known when
the last byte was fed, and nothing is begun before.
Not for: who sent it (service). Source: XML 1.0 s2.8, s4.3.3; XML Schema 1.0 part 1 s3.11 (identity
constraints); libxml2 xmlschemas.
Invariants: no document type and so no entities; at most one entry's tree and one 16-byte digest an
entry are held; an entry that is handed out was complete.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from datetime import date
from typing import Any

from lxml import etree

from lionrock.kernel.errors import Refused
from lionrock.kernel.money import Money
from lionrock.payments.domain.iso20022 import PartyAccount
from lionrock.payments.domain.iso20022.elements import (
    Fields,
    amount_of,
    find,
    member_of,
    optional_text,
    party_of,
    proxy_of,
    text_of,
)
from lionrock.payments.domain.iso20022.messages import namespace_of
from lionrock.payments.files.domain.values import (
    CREDIT_FILE,
    DEBIT_FILE,
    ENTRIES_MAX,
    Entry,
    Totals,
)
from lionrock.payments.files.errors import FileRefusal

_DOCTYPE = b"<!DOCTYPE"
_DECLARATION = re.compile(rb"^(?:\xef\xbb\xbf)?<\?xml[^>]{0,200}?\?>")
_DECLARED = re.compile(rb"""encoding\s*=\s*["']([^"']*)["']""")
_QUALIFIED = re.compile(r"\{[^}]*\}")
_VALUE = re.compile(r"(?<=value )'[^']*'")
# XML_SCHEMAV_CVC_... of libxml2 (xmlerror.h).
_SCHEMA_ERRORS = range(1_800, 1_900)
_HEAD_BYTES = 256
DETAIL_LENGTH_MAX = 300
_TRANSACTION = {CREDIT_FILE: "CdtTrfTxInf", DEBIT_FILE: "DrctDbtTxInf"}
_DATE = {CREDIT_FILE: "ReqdExctnDt/Dt", DEBIT_FILE: "ReqdColltnDt"}
# Of a block: the agent that must be the sender, and whose customer the block is for.
_OWN = {CREDIT_FILE: "Dbtr", DEBIT_FILE: "Cdtr"}


class FileReader:
    """Reads one file; feed it every byte in order, then close it. Not to be used after a refusal.

    `member` is the sender's clearing code, `today` the Hong Kong day on which it is checked.
    """

    def __init__(
        self, definition: str, schema: etree.XMLSchema, *, member: str, today: date
    ) -> None:
        self._definition = definition
        self._member = member
        self._today = today
        namespace = namespace_of(definition)
        self._transaction = f"{{{namespace}}}{_TRANSACTION[definition]}"
        self._block = f"{{{namespace}}}PmtInf"
        self._header = f"{{{namespace}}}GrpHdr"
        self._root = f"{{{namespace}}}Document"
        # "internal" and not False: without it libxml2's binding overlooks a file that breaks off.
        # There is nothing to resolve, because a document type never comes to the parser.
        make: Any = etree.XMLPullParser  # its stubs know no "internal"
        self._parser = make(
            events=("end", "comment", "pi"), schema=schema, resolve_entities="internal",
            tag=(self._transaction, self._block, self._header, self._root),
            no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
            remove_blank_text=False,
        )
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._tail = b""
        self._is_begun = False
        self._is_ended = False
        self._stated: tuple[str, str, int, int | None] | None = None
        self._block_id = ""
        self._block_party: PartyAccount | None = None
        self._block_date = today
        self._block_count = 0
        self._block_sum = 0
        self._count = 0
        self._sum = 0
        self._seen: set[bytes] = set()
        self._blocks: set[str] = set()

    def feed(self, piece: bytes) -> list[Entry] | Refused:
        """Take the next bytes; returns the entries that are complete now.

        ENCODING_WRONG, DOCTYPE_FORBIDDEN, MARKUP_FORBIDDEN, NOT_WELL_FORMED, ENTRIES_TOO_MANY,
        IDENTIFIER_REPEATED, AGENT_DIFFERS, DATE_NOT_TAKEN, COUNT_DIFFERS, SUM_DIFFERS, NOT_VALID.
        """
        refused = self._check_bytes(piece)
        if refused is not None:
            return refused
        try:
            self._parser.feed(piece)
            return self._drain()
        except etree.XMLSyntaxError as error:
            return self._broken(error)

    def close(self) -> Totals | Refused:
        """Say what the file says of itself, or why it is refused as a whole."""
        try:
            self._utf8.decode(b"", final=True)
            self._parser.close()
        except UnicodeDecodeError:
            return Refused(FileRefusal.NOT_WELL_FORMED, "The file ends inside a character.")
        except etree.XMLSyntaxError as error:
            return self._broken(error)
        assert self._is_ended and self._stated is not None, "it is well-formed and valid"
        message_id, created_on, stated_count, stated_sum = self._stated
        if stated_count != self._count:
            return _differs(FileRefusal.COUNT_DIFFERS, "GrpHdr", stated_count, self._count)
        if stated_sum != self._sum:
            return _differs(FileRefusal.SUM_DIFFERS, "GrpHdr", stated_sum, self._sum)
        return Totals(
            message_id=message_id, created_on=created_on, entry_count=self._count,
            control_sum=self._sum,
        )

    def _check_bytes(self, piece: bytes) -> Refused | None:
        """UTF-8 and no document type, also where a piece ends inside either."""
        try:
            self._utf8.decode(piece)
        except UnicodeDecodeError as error:
            return Refused(FileRefusal.ENCODING_WRONG, f"Not UTF-8: {error.reason}.")
        around = self._tail + piece
        if not self._is_begun:
            declaration = _DECLARATION.match(around[:_HEAD_BYTES])
            declared = _DECLARED.search(declaration.group(0)) if declaration else None
            if declared is not None and declared.group(1).lower() != b"utf-8":
                return Refused(FileRefusal.ENCODING_WRONG, "The declaration says otherwise.")
            self._is_begun = len(around) >= _HEAD_BYTES
        if _DOCTYPE in around:
            return Refused(FileRefusal.DOCTYPE_FORBIDDEN)
        keep = _HEAD_BYTES if not self._is_begun else len(_DOCTYPE) - 1
        self._tail = around[-keep:]
        return None

    def _drain(self) -> list[Entry] | Refused:
        found: list[Entry] = []
        for event, element in self._parser.read_events():
            if event != "end" or not isinstance(element.tag, str):
                return Refused(FileRefusal.MARKUP_FORBIDDEN)
            taken = self._take(element)
            if isinstance(taken, Refused):
                return taken
            if taken is not None:
                found.append(taken)
        return found

    def _take(self, element: Any) -> Entry | Refused | None:
        """Use an element that has ended, and forget what is not needed any more."""
        try:
            if element.tag == self._transaction:
                taken: Entry | Refused | None = self._take_transaction(element)
                _forget(element)
                return taken
            if element.tag == self._block:
                taken = self._end_block(Fields(element))
                _forget(element)
                return taken
            if element.tag == self._header:
                self._stated = _stated(Fields(element))
            if element.tag == self._root:
                self._is_ended = True
        except (AssertionError, AttributeError, ValueError, TypeError):
            # What the schema demands is not there, which it would say itself at the end; nothing
            # can be read until then.
            return self._invalid_now()
        return None

    def _take_transaction(self, element: Any) -> Entry | Refused:
        if self._count >= ENTRIES_MAX:
            return Refused(FileRefusal.ENTRIES_TOO_MANY, f"At most {ENTRIES_MAX}.")
        if self._block_party is None:
            refused = self._begin_block(Fields(element.getparent()))
            if refused is not None:
                return refused
        fields = Fields(element)
        end_to_end_id = text_of(fields, "PmtId/EndToEndId")
        if not self._is_new(end_to_end_id):
            return Refused(
                FileRefusal.IDENTIFIER_REPEATED, f"EndToEndId {end_to_end_id[:35]}.", "EndToEndId"
            )
        assert self._block_party is not None, "the block was begun"
        entry = self._entry(fields, end_to_end_id, self._block_party)
        self._count += 1
        self._block_count += 1
        self._sum += entry.amount.amount_minor
        self._block_sum += entry.amount.amount_minor
        return entry

    def _entry(self, fields: Fields, end_to_end_id: str, own: PartyAccount) -> Entry:
        is_credit = self._definition == CREDIT_FILE
        other = party_of(fields, "Cdtr" if is_credit else "Dbtr")
        return Entry(
            number=self._count + 1, block_id=self._block_id,
            instruction_id=optional_text(fields, "PmtId/InstrId"),
            end_to_end_id=end_to_end_id, uetr=optional_text(fields, "PmtId/UETR"),
            amount=amount_of(fields, "Amt/InstdAmt" if is_credit else "InstdAmt"),
            debtor=own if is_credit else other, creditor=other if is_credit else own,
            proxy=proxy_of(find(fields, "CdtrAcct")) if is_credit else None,
            remittance=optional_text(fields, "RmtInf/Ustrd"),
            mandate_id=optional_text(fields, "DrctDbtTx/MndtRltdInf/MndtId"),
            sequence=optional_text(fields, "PmtTpInf/SeqTp"), on=self._block_date,
        )

    def _begin_block(self, block: Fields) -> Refused | None:
        """Read what stands before a block's first entry; the block's own bank is the sender."""
        own = _OWN[self._definition]
        block_id = text_of(block, "PmtInfId")
        if block_id in self._blocks:
            return Refused(FileRefusal.IDENTIFIER_REPEATED, f"PmtInfId {block_id[:35]}.")
        member = member_of(block, f"{own}Agt")
        if member != self._member:
            return Refused(FileRefusal.AGENT_DIFFERS, f"{own}Agt is {member[:11]}.", f"{own}Agt")
        asked = date.fromisoformat(text_of(block, _DATE[self._definition]))
        if asked > self._today:
            return Refused(FileRefusal.DATE_NOT_TAKEN, field=_DATE[self._definition])
        self._block_date = asked
        self._blocks.add(block_id)
        self._block_id, self._block_party = block_id, party_of(block, own)
        self._block_count = self._block_sum = 0
        return None

    def _end_block(self, block: Fields) -> Refused | None:
        """What a block says of itself, where it does, is true of it."""
        name = f"PmtInf {self._block_id}"
        stated = optional_text(block, "NbOfTxs")
        if stated and int(stated) != self._block_count:
            return _differs(FileRefusal.COUNT_DIFFERS, name, int(stated), self._block_count)
        stated = optional_text(block, "CtrlSum")
        if stated and _minor(stated) != self._block_sum:
            return _differs(FileRefusal.SUM_DIFFERS, name, _minor(stated), self._block_sum)
        self._block_party = None
        return None

    def _is_new(self, end_to_end_id: str) -> bool:
        digest = hashlib.sha256(end_to_end_id.encode()).digest()[:16]
        is_new = digest not in self._seen
        self._seen.add(digest)
        return is_new

    def _invalid_now(self) -> Refused:
        return Refused(
            FileRefusal.NOT_VALID,
            f"At entry {self._count + 1}: an element that is demanded is missing or wrong.",
        )

    def _broken(self, error: etree.XMLSyntaxError) -> Refused:
        """Tell a file that is not XML, or breaks off, from one that the schema refuses.

        By number only: the parser's error log is one for all files of a thread.
        """
        code: int = getattr(error, "code", 0)  # not in its stubs
        is_of_schema = code in _SCHEMA_ERRORS
        refusal = FileRefusal.NOT_VALID if is_of_schema else FileRefusal.NOT_WELL_FORMED
        return Refused(refusal, self._detail(str(error.msg)))

    def _detail(self, message: str) -> str:
        """The validator's sentence; values may be personal data and are not repeated."""
        text = _VALUE.sub("...", _QUALIFIED.sub("", message))[:DETAIL_LENGTH_MAX]
        return f"After entry {self._count}: {text}"


def _stated(header: Fields) -> tuple[str, str, int, int | None]:
    return (
        text_of(header, "MsgId"), text_of(header, "CreDtTm"), int(text_of(header, "NbOfTxs")),
        _minor(text_of(header, "CtrlSum")),
    )


def _minor(text: str) -> int:
    """A control sum adds amounts of both currencies, which have two decimals each."""
    return Money.parse(text, "HKD").amount_minor


def _differs(refusal: FileRefusal, place: str, stated: int | None, found: int) -> Refused:
    return Refused(refusal, f"{place} says {stated}, found {found}.", place[:35])


def _forget(element: Any) -> None:
    """Let go of an element that has ended, and of those of its kind before it."""
    element.clear(keep_tail=True)
    before = element.getprevious()
    while before is not None and before.tag == element.tag:
        element.getparent().remove(before)
        before = element.getprevious()
