"""Configuration: one TOML file and the environment, each setting typed, documented and checked.

Order, later wins: defaults, the file (`--config FILE` or LIONROCK_CONFIG), environment variables
LIONROCK_<NAME>, command-line options. An unknown name is an error that names the nearest known one.
docs/settings.md is generated from SETTINGS and tested.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal

import msgspec
import platformdirs

from lionrock.kernel.config_texts import SETTINGS as SETTINGS
from lionrock.kernel.mail_settings import mail_problem

ENVIRONMENT_PREFIX = "LIONROCK_"
# What the table of these requests has room for (identity/store/ciba.py).
CIBA_LIFE_S_MAX = 1_800


class SettingsRefused(ValueError):
    """A configuration that cannot be used; the text says which setting and what was expected."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set. SETTINGS below says what each is for."""

    city: str = "Lion Rock Sandbox"
    composition: str = "sandbox"
    data_directory: str = ""
    database_url: str = ""
    world_database_url: str = ""
    public_url: str = "http://127.0.0.1:8700"
    world_url: str = "http://127.0.0.1:8701"
    bind_address: str = "127.0.0.1"
    front_count: int = 1
    worker_count: int = 1
    ledger_address: str = ""
    key_passphrase: str = ""
    pkcs11_module: str = ""
    pkcs11_token: str = ""
    pkcs11_pin: str = ""
    hosts: tuple[str, ...] = ()
    allow_private_targets: bool = False
    log_level: str = "info"
    log_format: str = "json"
    seed: int = 20260220
    firm_file: str = ""
    founding_date: str = ""
    signing_key_life_s: int = 30 * 24 * 3600
    payment_answer_timeout_ms: int = 20_000
    payment_resend_ms: int = 2_000
    payment_near_round_ms: int = 10_000
    payment_near_answer_timeout_ms: int = 60_000
    payment_enquiry_after_ms: int = 5_000
    payment_enquiries_max: int = 3
    payment_enquiry_tokens_max: int = 200
    payment_return_days_max: int = 365
    payment_recall_answer_days: int = 10
    mandate_answer_days: int = 7
    clients_file: str = ""
    phones_answer: Literal["ask", "approve", "deny"] = "ask"
    limit_sign_ins_per_client: int = 5
    limit_sign_ins: int = 8
    limit_sign_ins_pending: int = 5
    limit_approvals_pending: int = 8
    limit_scans: int = 20
    limit_form_fillings: int = 100
    limit_ciba_per_client: int = 5
    limit_ciba: int = 8
    ciba_life_s: int = 300
    ciba_life_s_max: int = 900
    ciba_interval_s: int = 5
    limit_registrations: int = 200
    limit_recoveries: int = 3
    limit_recoveries_per_source: int = 20
    dpop_nonce: Literal["off", "optional", "required"] = "off"
    registration: Literal["", "off", "token", "open"] = ""
    device_waiting_s: int | None = None
    recovery_cooling_s: int | None = None
    refresh_idle_s: int = 30 * 24 * 3600
    refresh_life_s: int = 90 * 24 * 3600
    approvals_kept_s: int = 180 * 24 * 3600
    registration_unused_s: int = 30 * 24 * 3600
    answer_least_ms: int = 100
    facades: tuple[Literal["iam", "corpid"], ...] = ()
    mail_relay: str = ""
    mail_from: str = ""
    mail_security: Literal["starttls", "tls", "none"] = "starttls"
    mail_user: str = ""
    mail_password: str = ""
    mail_timeout_ms: int = 4_000

    @property
    def data_path(self) -> Path:
        """The data directory as a path, the user's own data directory when unset."""
        return Path(self.data_directory) if self.data_directory else default_data_path()

    @property
    def registration_mode(self) -> str:
        """Who may register clients: off, token or open."""
        return self.registration or ("open" if self.composition == "sandbox" else "token")

    @property
    def device_waiting_period_s(self) -> int:
        """How long a new device waits; a day in serve, not at all in the sandbox when unset."""
        return self._or_a_day(self.device_waiting_s)

    @property
    def recovery_cooling_period_s(self) -> int:
        """How long a lost-phone recovery takes at least; as above when unset."""
        return self._or_a_day(self.recovery_cooling_s)

    def _or_a_day(self, seconds: int | None) -> int:
        if seconds is not None:
            return seconds
        return 24 * 3600 if self.composition == "serve" else 0


LIMITS = tuple(name for name in SETTINGS if name.startswith("limit_"))


def is_reached(limit: int, count: int) -> bool:
    """Say whether a count has come to a limit of the settings; 0 is no limit."""
    return 0 < limit <= count


def default_data_path() -> Path:
    """The user's data directory; /var/lib/lionrock for root, whose home others cannot enter."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/lionrock")
    return Path(platformdirs.user_data_path("lionrock"))


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Merge defaults, file, environment and overrides; SettingsRefused says what is wrong."""
    environment = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    if file is None and environment.get(f"{ENVIRONMENT_PREFIX}CONFIG"):
        file = Path(environment[f"{ENVIRONMENT_PREFIX}CONFIG"])
    if file is not None:
        merged |= _from_file(file)
    merged |= _from_environment(environment)
    merged |= {k: v for k, v in (overrides or {}).items() if v is not None}
    for name in merged:
        _check_known(name, "setting")
    try:
        settings = msgspec.convert(merged, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsRefused(f"configuration: {error}") from error
    return _checked(settings)


def _from_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsRefused(f"there is no configuration file {file}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRefused(f"{file}: not TOML: {error}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, value in environment.items():
        name = key.removeprefix(ENVIRONMENT_PREFIX).lower()
        if not key.startswith(ENVIRONMENT_PREFIX) or name == "config":
            continue
        _check_known(name, f"environment variable {key}")
        merged[name] = value.split(",") if name in ("hosts", "facades") else value
    return merged


def _check_known(name: str, what: str) -> None:
    if name in SETTINGS:
        return
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise SettingsRefused(f"unknown {what} {name!r}{hint}")


def _checked(settings: Settings) -> Settings:
    if settings.composition not in {"sandbox", "serve"}:
        raise SettingsRefused("composition: expected sandbox or serve")
    if settings.composition == "serve":
        if settings.allow_private_targets:
            raise SettingsRefused("allow_private_targets belongs to the sandbox; remove it")
        if not settings.key_passphrase:
            raise SettingsRefused("serve needs key_passphrase (or LIONROCK_KEY_PASSPHRASE)")
        if not settings.public_url.startswith("https://"):
            raise SettingsRefused("serve needs an https public_url")
        if settings.clients_file or settings.phones_answer != "ask":
            raise SettingsRefused("clients_file and phones_answer belong to the sandbox")
    least = 1 if settings.composition == "serve" else 0
    for name in LIMITS:
        if getattr(settings, name) < least:
            raise SettingsRefused(f"{name}: expected {least} or more")
    if settings.founding_date:
        try:
            date.fromisoformat(settings.founding_date)
        except ValueError as error:
            raise SettingsRefused("founding_date: expected a day such as 2026-02-20") from error
    for name in (
        "front_count", "worker_count", "payment_answer_timeout_ms", "payment_resend_ms",
        "payment_near_round_ms", "payment_near_answer_timeout_ms", "payment_enquiries_max",
        "payment_enquiry_tokens_max", "payment_return_days_max", "payment_recall_answer_days",
        "mandate_answer_days",
    ):
        if getattr(settings, name) < 1:
            raise SettingsRefused(f"{name}: expected 1 or more")
    if not 1 <= settings.ciba_life_s_max <= CIBA_LIFE_S_MAX:
        raise SettingsRefused(f"ciba_life_s_max: expected 1 to {CIBA_LIFE_S_MAX}")
    for name in ("ciba_life_s", "ciba_interval_s"):
        if not 1 <= getattr(settings, name) <= settings.ciba_life_s_max:
            raise SettingsRefused(f"{name}: expected 1 to ciba_life_s_max")
    if not 1 <= settings.refresh_idle_s <= settings.refresh_life_s:
        raise SettingsRefused("refresh_idle_s: expected 1 or more, at most refresh_life_s")
    if settings.approvals_kept_s < settings.refresh_life_s:
        raise SettingsRefused("approvals_kept_s: expected at least refresh_life_s")
    if not 0 <= settings.answer_least_ms <= 2_000:
        raise SettingsRefused("answer_least_ms: expected 0 to 2000")
    if settings.registration_unused_s < 3_600:
        raise SettingsRefused("registration_unused_s: expected 3600 or more")
    if settings.signing_key_life_s < 600:
        raise SettingsRefused("signing_key_life_s: expected 600 or more")
    for name in ("device_waiting_s", "recovery_cooling_s"):
        if (getattr(settings, name) or 0) < 0:
            raise SettingsRefused(f"{name}: expected 0 or more")
    if problem := mail_problem(settings):
        raise SettingsRefused(problem)
    return settings
