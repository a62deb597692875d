"""Pure protocol rules: htu, PKCE, scopes, subjects, exchange targets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lionrock.identity.domain.assertions import is_numeric_date
from lionrock.identity.domain.dpop import normal_target, token_hash
from lionrock.identity.domain.grants import exchange_company
from lionrock.identity.domain.requests import is_right_verifier
from lionrock.identity.domain.scopes import SCOPES, read_scope, show_scopes
from lionrock.identity.domain.subjects import pairwise_subject
from lionrock.kernel.errors import Refused

KEY = b"k" * 32
COMPANY = "urn:lionrock:company:com_1"


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://A.Example/x", "https://a.example/x"),
        ("HTTPS://a.example:443/x", "https://a.example/x"),
        ("http://a.example:80", "http://a.example/"),
        ("http://a.example:443/", "http://a.example:443/"),
        ("https://a.example/x?y=1#z", "https://a.example/x"),
        ("https://a.example/%7euser/%2f", "https://a.example/~user/%2F"),
        ("https://a.example/a/./b/../c", "https://a.example/a/c"),
        ("https://a.example/../../x", "https://a.example/x"),
        ("https://a.example/a/..", "https://a.example/"),
        ("https://a.example/a/.", "https://a.example/a/"),
        ("https://[::1]:8700/x", "https://[::1]:8700/x"),
        ("https://a.example/X", "https://a.example/X"),
    ],
)
def test_target_has_one_spelling(url: str, normal: str) -> None:
    assert normal_target(url) == normal


@pytest.mark.parametrize(
    "url",
    ["", "/x", "ftp://a.example/", "https://", "https://u:p@a.example/", "https://a:b/",
     "https://[::1", "https://a.example:99999/"],
)  # fmt: skip
def test_what_is_no_web_address_has_no_target(url: str) -> None:
    assert normal_target(url) is None


@given(st.text(max_size=80))
def test_normal_target_is_stable_and_never_breaks(tail: str) -> None:
    normal = normal_target(f"https://a.example/{tail}")
    if normal is not None:
        assert normal_target(normal) == normal
        assert "/../" not in normal


def test_ath_is_the_standard_s_example() -> None:
    # RFC 9449 section 7.1: the access token of the example and its ath.
    token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
    assert token_hash(token) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


def test_verifier_is_the_standard_s_example() -> None:
    # RFC 7636 appendix B.
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert is_right_verifier(verifier, challenge)
    for wrong in (None, "", verifier[:-1], verifier + "\n", verifier.upper(), "x" * 129):
        assert not is_right_verifier(wrong, challenge)


def test_scope_is_read_without_order_and_refused_beyond_the_client() -> None:
    allowed = frozenset({"openid", "profile"})
    assert read_scope("profile openid", allowed) == ("openid", "profile")
    assert read_scope("openid openid", allowed) == ("openid",)
    for wrong in (None, "", "openid staff", "openid ", "OPENID", "x" * 401):
        assert isinstance(read_scope(wrong, allowed), Refused)


@pytest.mark.parametrize("name", SCOPES)
def test_every_scope_is_told_in_three_languages(name: str) -> None:
    assert len({show_scopes([name], language) for language in ("en", "zh-Hant", "zh-Hans")}) >= 2


def test_pairwise_subjects_differ_by_sector_kind_and_holder() -> None:
    subjects = {
        pairwise_subject(key, sector=sector, kind=kind, holder_id=holder)
        for key in (KEY, b"l" * 32)
        for sector in ("a.example", "b.example")
        for kind in ("person", "company")
        for holder in ("x", "y")
    }
    assert len(subjects) == 16
    assert all(len(subject) == 43 for subject in subjects)


@pytest.mark.parametrize(
    ("resource", "audience", "company", "found"),
    [
        (COMPANY, None, None, "com_1"), (None, COMPANY, None, "com_1"),
        (None, None, "com_1", "com_1"), (COMPANY, COMPANY, "com_1", "com_1"),
        (None, None, COMPANY, "com_1"), (None, None, None, None), ("com_1", None, None, None),
        (COMPANY, None, "com_2", None), (COMPANY, "https://x.example", None, None),
        ("urn:lionrock:company:", None, None, None), (None, None, "", None),
    ],
)  # fmt: skip
def test_exchange_names_one_company_or_none(
    resource: str | None, audience: str | None, company: str | None, found: str | None
) -> None:
    assert exchange_company(resource, audience, company) == found


@pytest.mark.parametrize("value", [0, 1, 1.5, 2**52])
def test_numbers_are_dates(value: float) -> None:
    assert is_numeric_date(value)


@pytest.mark.parametrize(
    "value", [None, True, "1", -1, 2**53, float("inf"), float("nan"), [], {}]
)
def test_other_things_are_no_dates(value: object) -> None:
    assert not is_numeric_date(value)
