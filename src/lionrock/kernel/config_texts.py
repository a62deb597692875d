"""What each setting means, in the order in which they are shown (kernel.config.Settings)."""

from __future__ import annotations

SETTINGS: dict[str, str] = {
    "city": "Name of this city; it goes into log origins and trust files.",
    "composition": "sandbox (simulated parties around) or serve (the infrastructure itself).",
    "data_directory": (
        "Where keys, the embedded database and logs live; default: the user's data "
        "directory."
    ),
    "database_url": "Address of a PostgreSQL 15+ server; empty: the embedded server.",
    "world_database_url": (
        "Database of the simulated world; empty: beside the city's, name plus "
        "_world."
    ),
    "public_url": (
        "The address under which people and parties reach the platform; also the "
        "OAuth issuer."
    ),
    "world_url": "The address of the simulated world (sandbox only).",
    "bind_address": "The interface that the fronts listen on.",
    "front_count": "Number of front processes.",
    "worker_count": "Number of worker processes.",
    "ledger_address": (
        "Unix socket path or host:port of the ledger process; empty: in the data "
        "directory."
    ),
    "pkcs11_module": (
        "Path of a PKCS#11 module that holds the signing keys; empty: the key store. Needs the "
        "package python-pkcs11."
    ),
    "pkcs11_token": "Label of the token in that module.",
    "pkcs11_pin": "The token's user PIN; better in the environment than in a file.",
    "key_passphrase": (
        "Passphrase of the key store; empty in the sandbox only: made and kept in "
        "the data directory."
    ),
    "hosts": "Host names that the fronts answer for; empty: those of public_url.",
    "allow_private_targets": (
        "Let the outgoing client reach private and loopback addresses (sandbox "
        "only)."
    ),
    "log_level": "debug, info, warning or error.",
    "log_format": "json (one object a line) or text.",
    "seed": "Seed of the sandbox's simulated people, companies and ids.",
    "founding_date": (
        "The day (YYYY-MM-DD) on which the business clock of a new sandbox begins; "
        "empty: today."
    ),
    "signing_key_life_s": (
        "How long one key of the authorization server signs; the next is published as long "
        "before. At least 600."
    ),
    "firm_file": (
        "The user's own company (TOML), in the place of Harbour Robotics (sandbox only)."
    ),
    "clients_file": (
        "Clients to register at start (JSON, docs/sandbox-hooks.md; sandbox only)."
    ),
    "phones_answer": (
        "What the simulated phones do that nobody told otherwise: ask, approve or deny (sandbox "
        "only)."
    ),
    "limit_sign_ins_per_client": (
        "Unapproved sign-ins of one client in ten minutes that a person's phone is told of; 0: no "
        "limit (sandbox only, as with every limit)."
    ),
    "limit_sign_ins": "The same over all clients.",
    "limit_sign_ins_pending": (
        "Open questions on a person's phone from which on nobody else's sign-in or CIBA request is "
        "put there."
    ),
    "limit_approvals_pending": "Questions of all kinds that wait on a person's phone at once.",
    "limit_form_fillings": "Forms without log-in that one client may begin in ten minutes.",
    "limit_scans": "QR codes that a person's phone may scan in ten minutes.",
    "limit_ciba_per_client": (
        "Unapproved CIBA requests of one client in ten minutes that a person is asked."
    ),
    "limit_ciba": "The same over all clients.",
    "ciba_life_s": "Seconds that a CIBA request waits for an answer unless it asks for others.",
    "ciba_life_s_max": "The most seconds that requested_expiry of a CIBA request may ask for.",
    "ciba_interval_s": "Seconds between two polls of a CIBA request.",
    "limit_registrations": "Dynamic client registrations of one source in an hour.",
    "limit_recoveries": "Lost-phone recoveries in a day that one person is told of.",
    "limit_recoveries_per_source": "Lost-phone recoveries that one source begins in an hour.",
    "payment_answer_timeout_ms": (
        "How long the switch waits for a bank's answer before the outcome is a "
        "refusal."
    ),
    "payment_resend_ms": (
        "How long the switch waits before it sends an unanswered payment message "
        "again."
    ),
    "payment_near_round_ms": (
        "How often the near-real-time class of credit transfers (C2) is sent, all that came since "
        "the round before."
    ),
    "payment_near_answer_timeout_ms": (
        "How long the switch waits for a bank's answer to a transfer of the near-real-time class."
    ),
    "payment_enquiry_after_ms": (
        "How old (business time) a payment must be before its status is told on demand; the "
        "outcome is pushed anyway."
    ),
    "payment_enquiries_max": "How often a participant may ask for the status of one payment.",
    "payment_enquiry_tokens_max": (
        "Status enquiries that a participant may make at once; one comes back each second."
    ),
    "payment_return_days_max": "Days (business time) in which a settled payment may be returned.",
    "payment_recall_answer_days": (
        "Days (business time) in which a bank answers a recall; after them it counts as refused."
    ),
    "mandate_answer_days": (
        "Days (business time) in which a debtor answers a request for a direct-debit "
        "authorisation, or for other terms of one."
    ),
    "registration": (
        "Who may register clients: off (nobody), token (who holds an initial access token), open "
        "(anybody, within limits); empty: open in the sandbox, token in serve."
    ),
    "dpop_nonce": (
        "off, optional or required: whether DPoP proofs carry a nonce of this server (RFC 9449 s8)."
    ),
    "device_waiting_s": (
        "Seconds (business time) in which a new device can only sign in; empty: 86400 in serve, "
        "0 in the sandbox."
    ),
    "refresh_idle_s": "Seconds in which a refresh token must be used, or it ends.",
    "refresh_life_s": "Seconds after a sign-in when its refresh tokens and its grant end.",
    "approvals_kept_s": (
        "Seconds (business time) that the words and the signed answer of a sign-in, and of other "
        "questions that bind nobody, are kept after the decision; at least refresh_life_s. What "
        "binds is kept for ever."
    ),
    "answer_least_ms": (
        "Milliseconds that public forms which name a person take at least to answer, so that the "
        "time tells nothing about the person."
    ),
    "registration_unused_s": (
        "Seconds after which a client that registered itself, and was never given a token, is "
        "removed. At least 3600."
    ),
    "facades": (
        "Hong Kong wire-style facades that are on: iam, corpid (docs/facades.md); empty: none. In "
        "the "
        "environment separated by a comma."
    ),
    "mail_relay": (
        "SMTP relay, host:port, that carries messages to persons such as codes of a recovery "
        "(serve only: the sandbox shows them at the personas' phones); empty: none are sent."
    ),
    "mail_from": "The address that messages come from; needed with mail_relay.",
    "mail_security": (
        "starttls, tls (from the first byte) or none (only for a relay on this machine)."
    ),
    "mail_user": "The relay's user name; empty: without a log-in.",
    "mail_password": "The relay's password; better in the environment than in a file.",
    "mail_timeout_ms": "Milliseconds that the relay has for each answer; 100 to 7000.",
    "recovery_cooling_s": (
        "Seconds (business time) that a lost-phone recovery takes at least; empty: 86400 in "
        "serve, 0 in the sandbox."
    ),
}
