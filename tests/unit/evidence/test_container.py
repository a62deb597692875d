"""The container: every archive program opens it, and no byte of it is free."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib

import pytest

from lionrock.evidence.domain import container

PARTS = {
    "manifest.json": b"{}", "receipts/a.jws": b"a.b.c", "artefacts/001-x.pdf": b"%PDF-" * 50,
    "empty.txt": b"", "z.bin": bytes(range(256)),
}  # fmt: skip


def decoded(encoded: bytes) -> dict[str, bytes]:
    result = container.decode(encoded)
    assert isinstance(result, dict), result
    return result


def is_refused(encoded: bytes) -> bool:
    return isinstance(container.decode(encoded), container.Damage)


def test_what_is_encoded_reads_back_in_the_order_of_names() -> None:
    assert decoded(container.encode(PARTS)) == PARTS
    assert list(decoded(container.encode(PARTS))) == sorted(PARTS)
    assert decoded(container.encode({})) == {}


def test_another_program_reads_the_same_parts() -> None:
    with zipfile.ZipFile(io.BytesIO(container.encode(PARTS))) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == PARTS
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())


def test_the_same_parts_always_make_the_same_bytes() -> None:
    backwards = dict(reversed(PARTS.items()))
    assert container.encode(PARTS) == container.encode(backwards)


def test_every_flipped_bit_is_refused_and_named() -> None:
    encoded = container.encode(PARTS)
    for position in range(len(encoded)):
        for bit in range(8):
            changed = bytearray(encoded)
            changed[position] ^= 1 << bit
            damage = container.decode(bytes(changed))
            assert isinstance(damage, container.Damage), (position, bit)
            assert damage.part
            assert damage.sentence


def test_every_cut_and_every_added_byte_is_refused() -> None:
    encoded = container.encode(PARTS)
    for length in range(len(encoded)):
        assert is_refused(encoded[:length])
    for addition in (b"\x00", b"PK\x05\x06", encoded):
        assert is_refused(encoded + addition)
        assert is_refused(addition + encoded)


def zipped(changes: dict[str, object], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The parts as an ordinary program would pack them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in sorted(PARTS.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            info.create_system = 0
            info.external_attr = 0
            for field, value in changes.items():
                setattr(info, field, value)
            archive.writestr(info, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"date_time": (2026, 2, 20, 9, 0, 0)}, {"comment": b"hello"}, {"extra": b"\x00" * 4},
        {"create_system": 3}, {"external_attr": 0o777 << 16}, {"internal_attr": 1},
    ],
)  # fmt: skip
def test_another_encoding_of_the_same_parts_is_refused(changes: dict[str, object]) -> None:
    assert is_refused(zipped(changes))


def test_a_zip_bomb_is_refused_without_unpacking() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("bomb.txt"), b"\x00" * 50_000_000, zipfile.ZIP_DEFLATED)
    assert is_refused(buffer.getvalue())
    assert is_refused(zipped({}, zipfile.ZIP_DEFLATED))


def test_a_part_that_claims_more_than_there_is_is_refused() -> None:
    header = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(b""), 0xFFFFFFFF, 0xFFFFFFFF, 5, 0
    )
    assert is_refused(header + b"a.txt")
    assert is_refused(header[:20])


def pair(first: str, second: str) -> bytes:
    """Two parts under any names, laid out as `container.encode` would."""
    parts = [(first, b"1"), (second, b"2")]
    body, directory = b"", b""
    for name, content in parts:
        directory += container._central_header(name, content, len(body))
        body += container._local_header(name, content) + content
    return body + directory + container._end_record(2, len(directory), len(body))


def test_a_name_twice_or_out_of_order_is_refused() -> None:
    assert decoded(pair("a", "b")) == {"a": b"1", "b": b"2"}
    assert container.decode(pair("a", "a")) == container.Damage("a", "This name is there twice.")
    assert is_refused(pair("b", "a"))


@pytest.mark.parametrize(
    "name",
    [
        "../a", "a/../b", "/a", "a//b", "a/", "a\\b", "A", "a b", "a\x00b", ".hidden", "a/.b", "..",
        ".", "", "c:a", "~a", "-a", "a" * 121, "é",
    ],
)  # fmt: skip
def test_a_name_that_is_no_plain_relative_path_is_refused(name: str) -> None:
    assert not container.is_part_name(name)
    with pytest.raises(ValueError, match="cannot be a part"):
        container.encode({name: b""})
    if name.isascii():
        assert is_refused(pair(name, "zz"))


def test_a_file_at_each_limit_is_taken_and_one_beyond_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = container.encode(PARTS)
    monkeypatch.setattr(container, "CONTAINER_BYTES_MAX", len(encoded))
    assert decoded(encoded) == PARTS
    monkeypatch.setattr(container, "CONTAINER_BYTES_MAX", len(encoded) - 1)
    assert is_refused(encoded)
    with pytest.raises(ValueError, match="at most"):
        container.encode(PARTS)
    monkeypatch.undo()
    monkeypatch.setattr(container, "PARTS_MAX", len(PARTS))
    assert decoded(encoded) == PARTS
    monkeypatch.setattr(container, "PARTS_MAX", len(PARTS) - 1)
    assert is_refused(encoded)
    with pytest.raises(ValueError, match="at most"):
        container.encode(PARTS)
    monkeypatch.undo()
    largest = max(len(content) for content in PARTS.values())
    monkeypatch.setattr(container, "PART_BYTES_MAX", largest)
    assert decoded(encoded) == PARTS
    monkeypatch.setattr(container, "PART_BYTES_MAX", largest - 1)
    assert is_refused(encoded)
    with pytest.raises(ValueError, match="cannot be a part"):
        container.encode(PARTS)


def test_random_bytes_are_refused_and_never_raise() -> None:
    chance = random.Random(20260220)
    encoded = container.encode(PARTS)
    for _ in range(2000):
        cut = bytearray(encoded)
        for _ in range(chance.randint(1, 8)):
            cut[chance.randrange(len(cut))] = chance.randrange(256)
        result = container.decode(bytes(cut))
        assert isinstance(result, container.Damage) or bytes(cut) == encoded
    for _ in range(500):
        assert is_refused(b"PK\x03\x04" + chance.randbytes(chance.randint(0, 200)))
