"""Signed notes, checkpoints and cosignatures, against published keys and every malformation."""

from __future__ import annotations

import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lionrock.evidence.domain import note
from lionrock.evidence.domain.note import Checkpoint, Note, SignatureLine, Signer

# Published with golang.org/x/mod/sumdb/note: a key, a text and its signature.
PUBLISHED_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
PUBLISHED_LOG_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# The example checkpoint of C2SP tlog-cosignature (its keys are not published).
PUBLISHED_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q"
    "1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5O"
    "WXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
TEXT = Checkpoint("log.test/evidence", 7, b"\x07" * 32).text()
NOW_S = 1_771_578_000


def signer(name: str, type_byte: int, seed: int = 1) -> Signer:
    return Signer(name, type_byte, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


LOG = signer("log.test/evidence", note.TYPE_LOG)
WITNESS = signer("witness.test", note.TYPE_COSIGNATURE, seed=2)


def signed(*lines: SignatureLine) -> Note:
    return Note(TEXT, lines)


def test_a_note_published_elsewhere_is_read_and_its_signature_holds() -> None:
    key = note.parse_vkey(PUBLISHED_VKEY)
    parsed = note.parse_note(PUBLISHED_NOTE.encode())
    assert key is not None
    assert parsed is not None
    assert parsed.encode() == PUBLISHED_NOTE
    assert note.check_signature(parsed, key) is True


def test_a_published_log_key_reads_and_writes_back() -> None:
    key = note.parse_vkey(PUBLISHED_LOG_VKEY)
    assert key is not None
    assert (key.name, key.key_id.hex(), key.vkey()) == (
        "sum.golang.org", "033de0ae", PUBLISHED_LOG_VKEY,
    )  # fmt: skip


def test_the_specifications_example_checkpoint_is_read() -> None:
    parsed = note.parse_note(PUBLISHED_CHECKPOINT.encode())
    assert parsed is not None
    assert parsed.encode() == PUBLISHED_CHECKPOINT
    head = note.parse_checkpoint(parsed.text)
    assert head is not None
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20_852_163)
    cosignature = parsed.signatures[1].signature
    assert struct.unpack(">Q64s", cosignature)[0] == 1_679_315_147  # the time in its text


def test_log_and_witness_signatures_hold_and_carry_the_time() -> None:
    both = signed(note.sign_note(TEXT, LOG), note.cosign(TEXT, WITNESS, NOW_S))
    read = note.parse_note(both.encode().encode())
    assert read == both
    assert note.check_signature(both, LOG.verifier) is True
    assert note.check_cosignature(both, WITNESS.verifier) == note.Cosignature(True, NOW_S)


def test_a_cosignature_signs_header_time_and_text() -> None:
    line = note.cosign(TEXT, WITNESS, NOW_S)
    message = f"cosignature/v1\ntime {NOW_S}\n{TEXT}".encode()
    WITNESS.private.public_key().verify(line.signature[8:], message)
    assert line.signature[:8] == NOW_S.to_bytes(8, "big")


def test_a_cosignature_with_another_time_or_text_does_not_hold() -> None:
    line = note.cosign(TEXT, WITNESS, NOW_S)
    later = SignatureLine(line.key_name, line.key_id, (NOW_S + 1).to_bytes(8, "big")
                          + line.signature[8:])  # fmt: skip
    assert note.check_cosignature(signed(later), WITNESS.verifier) == note.Cosignature(False, 0)
    other_text = Checkpoint("log.test/evidence", 8, b"\x07" * 32).text()
    moved = Note(other_text, (line,))
    assert note.check_cosignature(moved, WITNESS.verifier) == note.Cosignature(False, 0)


@pytest.mark.parametrize("signature", [b"\x00" * 71, b"\x00" * 73, b"\x00" * 72, b"\xff" * 72])
def test_a_cosignature_of_another_shape_does_not_hold(signature: bytes) -> None:
    line = SignatureLine(WITNESS.name, WITNESS.verifier.key_id, signature)
    assert note.check_cosignature(signed(line), WITNESS.verifier) == note.Cosignature(False, 0)


def test_a_signature_by_an_unknown_key_is_ignored() -> None:
    stranger = signer("log.test/evidence", note.TYPE_LOG, seed=9)
    assert note.check_signature(signed(note.sign_note(TEXT, stranger)), LOG.verifier) is None
    both = signed(note.sign_note(TEXT, stranger), note.sign_note(TEXT, LOG))
    assert note.check_signature(both, LOG.verifier) is True
    assert note.check_cosignature(both, WITNESS.verifier) is None


def test_a_forged_line_beside_a_good_one_spoils_it() -> None:
    forged = SignatureLine(LOG.name, LOG.verifier.key_id, b"\x00" * 64)
    assert note.check_signature(signed(note.sign_note(TEXT, LOG), forged), LOG.verifier) is False
    good = note.cosign(TEXT, WITNESS, NOW_S)
    fake = SignatureLine(WITNESS.name, WITNESS.verifier.key_id, b"\x01" * 72)
    found = note.check_cosignature(signed(good, fake), WITNESS.verifier)
    assert found == note.Cosignature(False, 0)


def test_one_key_used_as_log_and_as_witness_has_two_ids() -> None:
    as_log = signer("same.test", note.TYPE_LOG)
    as_witness = signer("same.test", note.TYPE_COSIGNATURE)
    assert as_log.verifier.public == as_witness.verifier.public
    assert as_log.verifier.key_id != as_witness.verifier.key_id


@pytest.mark.parametrize(
    "text",
    [
        "", "+", "++", "name", "name+00000000", "name++AQ==", "a b+c74f20a3+AQ==",
        PUBLISHED_VKEY[:-1], PUBLISHED_VKEY + "=", PUBLISHED_VKEY.replace("c74f", "C74F"),
        PUBLISHED_VKEY.replace("c74f20a3", "c74f20a4"), PUBLISHED_VKEY + "+", " " + PUBLISHED_VKEY,
        PUBLISHED_VKEY.replace("Peter", "Pet\ner"), PUBLISHED_VKEY + "\n",
    ],
)  # fmt: skip
def test_any_other_spelling_of_a_key_is_refused(text: str) -> None:
    assert note.parse_vkey(text) is None


@pytest.mark.parametrize("type_byte", [0x00, 0x02, 0x03, 0x05, 0x06, 0xFF])
def test_a_key_of_another_type_is_refused(type_byte: int) -> None:
    key = note.VerifierKey("log.test", type_byte, LOG.verifier.public)
    assert note.parse_vkey(key.vkey()) is None


GOOD = signed(note.sign_note(TEXT, LOG)).encode()


@pytest.mark.parametrize(
    "encoded",
    [
        b"", b"\n", b"\n\n", b"\n\n\n", GOOD.encode()[:-1], GOOD.encode() + b"\n",
        GOOD.replace("\n\n", "\n").encode(), TEXT.encode() + b"\n", GOOD.encode() + b"x\n",
        GOOD.replace("— ", "- ").encode(), GOOD.replace("— ", "—  ").encode(),
        GOOD.replace("\n— ", "\n—").encode(), GOOD.replace("log.test", "log+test").encode(),
        GOOD.replace("— log.test/", "— log .test/").encode(),
        GOOD.replace("7\n", "7\t\n", 1).encode(), GOOD.replace("7\n", "7\r\n", 1).encode(),
        GOOD.replace("7\n", "7\x00\n", 1).encode(), GOOD.encode() + b"\xff\n",
        GOOD.encode("utf-16"), (GOOD + "— a AAAAAA==\n").encode(), (GOOD + "— a AAAA\n").encode(),
        (GOOD + "— a AAAAAAB=\n").encode(), (GOOD + "— a AAAAAAA\n").encode(),
        GOOD.encode() + b"\xe2\x80\x94 a " + b"A" * 20_000 + b"\n",
        (GOOD + "— a AAAAAAA=\n" * 40).encode(),
    ],
)  # fmt: skip
def test_a_malformed_note_is_refused(encoded: bytes) -> None:
    assert note.parse_note(encoded) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "a\n", "a\n1\n", "a\n1\nAAAA\n", f"a\n01\n{TEXT.split()[2]}\n",
        f"\n1\n{TEXT.split()[2]}\n", f"a\n-1\n{TEXT.split()[2]}\n", f"a\n+1\n{TEXT.split()[2]}\n",
        f"a\n1 \n{TEXT.split()[2]}\n", f"a\n١\n{TEXT.split()[2]}\n",
        f"a\n{2**62 + 1}\n{TEXT.split()[2]}\n",
        f"a\n{'9' * 30}\n{TEXT.split()[2]}\n", TEXT + "extension\n", TEXT[:-1], TEXT + "\n",
        f"a\n1\n{TEXT.split()[2]}=\n", f"a\n\n{TEXT.split()[2]}\n", "x" * 200 + TEXT,
    ],
)  # fmt: skip
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    assert note.parse_checkpoint(text) is None


def test_sizes_at_the_limit_are_read() -> None:
    for size in (0, 1, 2**62):
        head = Checkpoint("a", size, b"\x00" * 32)
        assert note.parse_checkpoint(head.text()) == head


def test_as_many_signatures_as_the_limit_are_read_and_one_more_is_not() -> None:
    line = "— a.test AAAAAAA=\n"
    assert note.parse_signature_lines(line * note.SIGNATURES_MAX) is not None
    assert note.parse_signature_lines(line * (note.SIGNATURES_MAX + 1)) is None
