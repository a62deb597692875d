"""Everything that batch files refuse, as one closed enum, and how each looks on the wire.

What is refused on upload is refused at once; what is wrong with the content is refused for the file
as a whole, by its state and its answer, before anything is begun.
"""

from __future__ import annotations

from lionrock.kernel.errors import ErrorRow, ErrorTable, Refusal


class FileRefusal(Refusal):
    """Why a file, or a part of one, was not taken."""

    # Of an upload.
    FILE_MALFORMED = "payments.file_malformed"
    FILE_TOO_LARGE = "payments.file_too_large"
    FILES_TOO_MANY = "payments.files_too_many"
    FILE_NAME_REUSED = "payments.file_name_reused"
    FILE_NOT_FOUND = "payments.file_not_found"
    PART_UNKNOWN = "payments.file_part_unknown"
    PART_TOO_LARGE = "payments.file_part_too_large"
    PART_DIFFERS = "payments.file_part_differs"
    PARTS_MISSING = "payments.file_parts_missing"
    ANSWER_NOT_READY = "payments.file_answer_not_ready"
    # Of the content.
    DIGEST_DIFFERS = "payments.file_digest_differs"
    ENCODING_WRONG = "payments.file_encoding_wrong"
    DOCTYPE_FORBIDDEN = "payments.file_doctype_forbidden"
    MARKUP_FORBIDDEN = "payments.file_markup_forbidden"
    NOT_WELL_FORMED = "payments.file_not_well_formed"
    NOT_VALID = "payments.file_not_valid"
    ENTRIES_TOO_MANY = "payments.file_entries_too_many"
    COUNT_DIFFERS = "payments.file_count_differs"
    SUM_DIFFERS = "payments.file_sum_differs"
    IDENTIFIER_REPEATED = "payments.file_identifier_repeated"
    AGENT_DIFFERS = "payments.file_agent_differs"
    DATE_NOT_TAKEN = "payments.file_date_not_taken"
    MESSAGE_ID_REUSED = "payments.file_message_id_reused"


_R = FileRefusal
_XML = "ISO 20022 pain.001, pain.008"
ERRORS: ErrorTable = {
    _R.FILE_MALFORMED: ErrorRow(
        400, "Name the file, its definition, its size, its parts and its SHA-256 as documented."
    ),
    _R.FILE_TOO_LARGE: ErrorRow(413, "The file is too large. Send several files."),
    _R.FILES_TOO_MANY: ErrorRow(
        429, "Too many files of yours are not finished. Wait for one of them."
    ),
    _R.FILE_NAME_REUSED: ErrorRow(
        409, "This name stands for another file. Repeat that one, or take a new name."
    ),
    _R.FILE_NOT_FOUND: ErrorRow(404, "There is no file of yours with this id."),
    _R.PART_UNKNOWN: ErrorRow(404, "The file has no part of that number."),
    _R.PART_TOO_LARGE: ErrorRow(413, "The part is too large, or larger than the file."),
    _R.PART_DIFFERS: ErrorRow(409, "This part was sent with other content. Open a new file."),
    _R.PARTS_MISSING: ErrorRow(
        409, "Parts are missing, or their sizes do not add up. Send them, then complete the file."
    ),
    _R.ANSWER_NOT_READY: ErrorRow(409, "The file is not answered yet, or has no such part."),
    _R.DIGEST_DIFFERS: ErrorRow(400, "The parts together have another SHA-256 than announced."),
    _R.ENCODING_WRONG: ErrorRow(400, "Send the file in UTF-8.", "XML 1.0 s4.3.3"),
    _R.DOCTYPE_FORBIDDEN: ErrorRow(
        400, "A document type is not taken. Send the file without one.", "XML 1.0 s2.8"
    ),
    _R.MARKUP_FORBIDDEN: ErrorRow(
        400, "Send the file without comments, processing instructions and entities.",
        "XML 1.0 s2.5, s2.6",
    ),
    _R.NOT_WELL_FORMED: ErrorRow(
        400, "The file is not well-formed XML, or breaks off.", "XML 1.0 s2.1"
    ),
    _R.NOT_VALID: ErrorRow(
        400, "The file is not valid. Compare it with the schemas at /payments/v1/schemas.", _XML
    ),
    _R.ENTRIES_TOO_MANY: ErrorRow(400, "The file has too many entries. Send several files."),
    _R.COUNT_DIFFERS: ErrorRow(400, "NbOfTxs is not the number of entries.", f"{_XML} NbOfTxs"),
    _R.SUM_DIFFERS: ErrorRow(400, "CtrlSum is not the sum of the amounts.", f"{_XML} CtrlSum"),
    _R.IDENTIFIER_REPEATED: ErrorRow(
        400, "An EndToEndId or PmtInfId stands twice in the file.", f"{_XML} EndToEndId"
    ),
    _R.AGENT_DIFFERS: ErrorRow(
        400, "A participant sends the files of its own customers.", f"{_XML} DbtrAgt, CdtrAgt"
    ),
    _R.DATE_NOT_TAKEN: ErrorRow(
        400, "Entries are carried out at once; a later date is not taken.",
        f"{_XML} ReqdExctnDt, ReqdColltnDt",
    ),
    _R.MESSAGE_ID_REUSED: ErrorRow(
        409, "A file of yours with this MsgId was accepted before.", f"{_XML} MsgId"
    ),
}
