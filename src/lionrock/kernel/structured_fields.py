"""The part of Structured Fields that HTTP signatures and digests use, parsed strictly.

Dictionaries whose members are byte sequences (Signature, Content-Digest) or inner lists of strings
(Signature-Input), with string, integer and true parameters. Everything else of the standard
(dates, decimals, tokens, plain items) is refused: a signature that carries them is none of ours.
The text of an inner list is kept as it was sent, because the signature covers it letter by letter.

Source: RFC 9651 (Structured Field Values), s3.1.1, s3.1.2, s3.2, s3.3.3, s3.3.5, s4.2.
Invariants: a name given twice is refused, although the standard lets the last one win.
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

import msgspec

FIELD_CHARACTERS_MAX = 4096
MEMBERS_MAX = 4
COMPONENTS_MAX = 32
PARAMETERS_MAX = 12

ParameterValue = str | int | bool
_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*")
_STRING = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_SPACES = re.compile(r" *")
_COMMA = re.compile(r"[ \t]*,[ \t]*")
_PLAIN_LIST = re.compile(r'\("[a-z0-9@_-]+"(?: "[a-z0-9@_-]+")*\)')
_PLAIN_PARAMETER = re.compile(
    r';([a-z*][a-z0-9_\-.*]*)=(?:"([\x20\x21\x23-\x5b\x5d-\x7e]*)"|(-?[0-9]{1,15})(?![0-9.]))'
)
_PLAIN_PARAMETERS = re.compile(f"(?:{_PLAIN_PARAMETER.pattern})*")
# Fields of one member, without a space too many: as most write them.
_ONE_BYTES = re.compile(f"({_KEY.pattern})={_BYTES.pattern}")
_ONE_LIST = re.compile(
    f"({_KEY.pattern})=(({_PLAIN_LIST.pattern})((?:{_PLAIN_PARAMETER.pattern})*))"
)
PLAIN_LISTS_MAX = 256


class FieldMalformed(ValueError):
    """The text is not in the accepted part of the grammar."""


class Component(msgspec.Struct, frozen=True):
    """One covered component: its name, and whether it is taken from the request (`;req`)."""

    name: str
    is_of_request: bool = False

    def serialized(self) -> str:
        """The component identifier as it stands in the signature base (RFC 9421 s2)."""
        return f'"{self.name}"' + (";req" if self.is_of_request else "")


@lru_cache(maxsize=PLAIN_LISTS_MAX)
def serialized(components: tuple[Component, ...]) -> tuple[str, ...]:
    """The identifiers of components: the same lists come again and again."""
    return tuple(component.serialized() for component in components)


class InnerList(msgspec.Struct, frozen=True):
    """Covered components with parameters; `text` is the exact spelling that was parsed."""

    components: tuple[Component, ...]
    parameters: dict[str, ParameterValue]
    text: str


def serialize_string(value: str) -> str:
    """Write an sf-string; ValueError outside printable ASCII (RFC 9651 s4.1.6)."""
    if not all("\x20" <= character <= "\x7e" for character in value):
        raise ValueError("a structured string is printable ASCII")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def serialize_bytes(value: bytes) -> str:
    """Write an sf-binary (RFC 9651 s4.1.8)."""
    return f":{base64.b64encode(value).decode('ascii')}:"


def parse_byte_sequences(text: str) -> dict[str, bytes]:
    """Parse `name=:base64:, ...`; FieldMalformed otherwise."""
    only = _ONE_BYTES.fullmatch(text) if len(text) <= FIELD_CHARACTERS_MAX else None
    if only is not None:
        return {only[1]: _octets(only[2])}
    reader = _Reader(text)
    members: dict[str, bytes] = {}
    for key in reader.members():
        if key in members:
            raise FieldMalformed("a member is given twice")
        members[key] = reader.byte_sequence()
    return members


def parse_inner_lists(text: str) -> dict[str, InnerList]:
    """Parse `label=("a" "b";req);created=1;keyid="k", ...`; FieldMalformed otherwise."""
    only = _ONE_LIST.fullmatch(text) if len(text) <= FIELD_CHARACTERS_MAX else None
    if only is not None and only[3].count(" ") < COMPONENTS_MAX:
        parameters = _plain_parameters(only[4])
        if parameters is not None:
            return {only[1]: InnerList(_components_of(only[3]), parameters, only[2])}
    reader = _Reader(text)
    members: dict[str, InnerList] = {}
    for key in reader.members():
        if key in members:
            raise FieldMalformed("a label is given twice")
        members[key] = reader.inner_list()
    return members


@lru_cache(maxsize=PLAIN_LISTS_MAX)
def _components_of(plain_list: str) -> tuple[Component, ...]:
    return tuple(Component(name.strip('"')) for name in plain_list[1:-1].split(" "))


def _plain_parameters(text: str) -> dict[str, ParameterValue] | None:
    """Read what _PLAIN_PARAMETERS matched; None when a name is given twice or there are too many"""
    given = _PLAIN_PARAMETER.findall(text)
    parameters: dict[str, ParameterValue] = {
        key: int(number) if number else text for key, text, number in given
    }
    is_taken = len(parameters) == len(given) <= PARAMETERS_MAX
    return parameters if is_taken else None


def _octets(encoded: str) -> bytes:
    try:
        decoded = binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise FieldMalformed("not base64") from error
    # Bits beyond the last octet would give one value two spellings.
    if binascii.b2a_base64(decoded, newline=False).decode("ascii") != encoded:
        raise FieldMalformed("not canonical base64")
    return decoded


class _Reader:
    """A cursor over one field's text."""

    def __init__(self, text: str) -> None:
        if len(text) > FIELD_CHARACTERS_MAX:
            raise FieldMalformed("the field is too long")
        self._text = text.strip(" ")
        self._at = 0

    def members(self) -> _Members:
        """The dictionary's keys in turn; the caller reads each value before asking for the next."""
        return _Members(self)

    def next_key(self, count: int) -> str | None:
        """The next member's key with its "=", None at the end."""
        if self._at == len(self._text):
            if count == 0:
                raise FieldMalformed("the field is empty")
            return None
        if count:
            self._take(_COMMA, "a comma between members")
        if count == MEMBERS_MAX:
            raise FieldMalformed("too many members")
        key = self._take(_KEY, "a member's name").group()
        self._literal("=")
        return key

    def byte_sequence(self) -> bytes:
        return _octets(self._take(_BYTES, "a byte sequence between colons").group(1))

    def inner_list(self) -> InnerList:
        start = self._at
        components = self._plain_components() or self._components()
        parameters = self._parameters()
        return InnerList(components, parameters, self._text[start : self._at])

    def _plain_components(self) -> tuple[Component, ...]:
        """Names without parameters, one space between: as most write them, and the same each time.

        Empty, and nothing read, when the list is of another form.
        """
        match = _PLAIN_LIST.match(self._text, self._at)
        if match is None or match.group().count(" ") >= COMPONENTS_MAX:
            return ()
        self._at = match.end()
        return _components_of(match.group())

    def _components(self) -> tuple[Component, ...]:
        self._literal("(")
        components: list[Component] = []
        self._take(_SPACES, "")
        while not self._is_next(")"):
            components.append(self._component())
            if len(components) > COMPONENTS_MAX:
                raise FieldMalformed("too many components")
            if not self._is_next(")"):
                self._literal(" ")
                self._take(_SPACES, "")
        self._literal(")")
        return tuple(components)

    def _component(self) -> Component:
        name = self._string()
        parameters = self._parameters()
        if parameters not in ({}, {"req": True}):
            raise FieldMalformed("a component parameter other than req")
        return Component(name, is_of_request=bool(parameters))

    def _plain_parameters(self) -> dict[str, ParameterValue]:
        """Integers and strings without escapes, nothing between them: as most write them.

        Empty, and nothing read, when a name stands twice or there are too many of them.
        """
        match = _PLAIN_PARAMETERS.match(self._text, self._at)
        assert match is not None, "it matches nothing as well"
        parameters = _plain_parameters(match.group())
        if parameters is None:
            return {}
        self._at = match.end()
        return parameters

    def _parameters(self) -> dict[str, ParameterValue]:
        parameters = self._plain_parameters()
        while self._is_next(";"):
            self._literal(";")
            self._take(_SPACES, "")
            key = self._take(_KEY, "a parameter's name").group()
            if key in parameters:
                raise FieldMalformed("a parameter is given twice")
            if len(parameters) == PARAMETERS_MAX:
                raise FieldMalformed("too many parameters")
            parameters[key] = self._bare_value() if self._skip("=") else True
        return parameters

    def _bare_value(self) -> ParameterValue:
        if self._is_next('"'):
            return self._string()
        return int(self._take(_INTEGER, "a string or an integer").group())

    def _string(self) -> str:
        quoted: str = self._take(_STRING, "a string").group(1)
        if "\\" not in quoted:
            return quoted
        return re.sub(r'\\(["\\])', r"\1", quoted)

    def _take(self, pattern: re.Pattern[str], wanted: str) -> re.Match[str]:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise FieldMalformed(f"expected {wanted} at character {self._at}")
        self._at = match.end()
        return match

    def _is_next(self, character: str) -> bool:
        return self._text.startswith(character, self._at)

    def _skip(self, character: str) -> bool:
        is_there = self._is_next(character)
        self._at += is_there
        return is_there

    def _literal(self, character: str) -> None:
        if not self._skip(character):
            raise FieldMalformed(f"expected {character!r} at character {self._at}")


class _Members:
    """Iterates over the keys of a dictionary while the caller consumes the values."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._count = 0

    def __iter__(self) -> _Members:
        return self

    def __next__(self) -> str:
        key = self._reader.next_key(self._count)
        if key is None:
            raise StopIteration
        self._count += 1
        return key
