"""Names: what a payer's bank is shown of one, and whether two are the same person's.

Masks: of each word the first letter, of a name in Chinese characters the first character; the
number of stars says nothing about the length, and at least one character is always hidden.
Comparison: equal once case, accents, punctuation, honorifics, forms of companies and the order of
words are set aside is a match; one word more or less, an initial for a word, or one slip of the pen
in eight letters is close; anything else is none. Not for: proof of identity.
"""

from __future__ import annotations

import unicodedata
from typing import Literal

NAME_LENGTH_MAX = 140
HIDDEN = "***"
LETTERS_PER_SLIP = 8
Match = Literal["match", "close_match", "no_match", "cannot_tell"]
_HONORIFICS = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "madam", "sir"})
# Forms of companies are one word in all their spellings.
_FORMS = {
    "limited": "ltd", "company": "co", "incorporated": "inc", "corporation": "corp",
    "and": "&",
}  # fmt: skip


def mask_name(name: str) -> str:
    """Show the first letter of each word, at least one character hidden; never the length."""
    words = unicodedata.normalize("NFC", name).split()
    masked = [_mask_word(word) for word in words]
    if masked and all(word == shown for word, shown in zip(words, masked, strict=True)):
        # Nothing but initials: the last of them is hidden.
        masked[-1] = HIDDEN
    return " ".join(masked)


def is_masked(name: str) -> bool:
    """Say whether a text is a name that was masked: masking it again would change nothing."""
    words = name.split()
    return any(word.endswith(HIDDEN) for word in words) and all(
        word == _mask_word(word) for word in words
    )


def _mask_word(word: str) -> str:
    first = _first_letter(word)
    return word if word == first else first + HIDDEN


def _first_letter(word: str) -> str:
    """The first character with the marks that belong to it."""
    length = 1
    while length < len(word) and unicodedata.combining(word[length]):
        length += 1
    return word[:length]


def compare_names(given: str, registered: str) -> Match:
    """Say whether a name that somebody gives is the one an account is registered in."""
    left, right = _words(given), _words(registered)
    if not left or not right:
        return "cannot_tell"
    if sorted(left) == sorted(right) or "".join(left) == "".join(right):
        return "match"
    return "close_match" if _is_close(left, right) else "no_match"


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(
        c if c.isalnum() or c == "&" else "" if unicodedata.combining(c) else " " for c in plain
    )
    words = [_FORMS.get(word, word) for word in kept.split()]
    return [word for word in words if word not in _HONORIFICS] or words


def _is_close(left: list[str], right: list[str]) -> bool:
    shorter, longer = sorted((left, right), key=len)
    if _is_initials(left, right) or _is_initials(right, left):
        return True
    common = set(shorter) & set(longer)
    # A middle name left out; one word alone ("Chan") would fit half the town.
    if len(shorter) > 1 and len(longer) - len(shorter) == 1 and len(common) == len(set(shorter)):
        return True
    texts = "".join(sorted(left)), "".join(sorted(right))
    slips_max = min(map(len, texts)) // LETTERS_PER_SLIP
    direct = "".join(left), "".join(right)
    return any(_distance(*pair, slips_max) <= slips_max for pair in (texts, direct))


def _is_initials(short: list[str], full: list[str]) -> bool:
    """C T M Chan for Chan Tai Man: the same number of words, some of them initials, one whole."""
    if len(short) != len(full) or not any(len(word) > 1 for word in short):
        return False
    left = list(full)
    for word in sorted(short, key=len, reverse=True):
        found = next((w for w in left if w == word or (len(word) == 1 and w[0] == word)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _distance(first: str, second: str, most: int) -> int:
    """Edits between two texts (insert, delete, replace); `most` + 1 when there are more."""
    if abs(len(first) - len(second)) > most or len(first) > NAME_LENGTH_MAX:
        return most + 1
    previous = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            swap = previous[column - 1] + (letter != other)
            current.append(min(previous[column] + 1, current[-1] + 1, swap))
        previous = current
    return min(previous[-1], most + 1)
