"""Rows of artefacts by the thousand, as the platform would write them; and sizes on disk.

`$1` is when a row ends, `$2` how many there are; into a ring `$3` is the slot. What goes with an
artefact (a grant's refresh family, an approval's answers) is written with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lionrock.kernel.db import Connection

_HASH = "sha256(gen_random_uuid()::text::bytea)"
_ID = "gen_random_uuid()::text"
_PERSON = "(SELECT min(id) FROM identity.persons)"
_DEVICE = "(SELECT min(id) FROM identity.devices)"
_CLIENT = "(SELECT min(id) FROM identity.clients WHERE id LIKE 'bench-%')"
_TEXT = "jsonb_build_object('filler', repeat('x', 400))"
_ROWS = "FROM generate_series(1, $2)"

RING_FILL = {
    "kernel.replays": f"INSERT INTO kernel.replays (expires_at, key, slot)"
    f" SELECT $1, {_HASH}, $3 {_ROWS}",
    "identity.pushed_requests": "INSERT INTO identity.pushed_requests (expires_at, request_hash,"
    f" client_id, request, slot) SELECT $1, {_HASH}, 'bench', {_TEXT}, $3 {_ROWS}",
    "identity.sign_ins": "INSERT INTO identity.sign_ins (expires_at, id, request_hash, client_id,"
    " browser_hash, subject_key, number, started_at, slot)"
    f" SELECT $1, {_ID}, '\\x00', 'bench', '\\x00', {_HASH}, '00', $1, $3 {_ROWS}",
    "identity.codes": "INSERT INTO identity.codes (expires_at, code_hash, client_id, person_id,"
    " grant_id, request, signed_in_at, slot)"
    f" SELECT $1, {_HASH}, 'bench', 'bench', 'bench', {_TEXT}, $1, $3 {_ROWS}",
    "identity.access_tokens": "INSERT INTO identity.access_tokens (expires_at, token_hash,"
    " grant_id, client_id, scopes, jkt, issued_at, slot)"
    f" SELECT $1, {_HASH}, {_ID}, 'bench', '{{}}', 'bench', $1, $3 {_ROWS}",
    "identity.request_objects": "INSERT INTO identity.request_objects (expires_at, key, slot)"
    f" SELECT $1, {_HASH}, $3 {_ROWS}",
    "identity.registration_attempts": "INSERT INTO identity.registration_attempts (expires_at,"
    f" source_key, slot) SELECT $1, {_HASH}, $3 {_ROWS}",
    "identity.recovery_attempts": "INSERT INTO identity.recovery_attempts (expires_at,"
    f" source_key, slot) SELECT $1, {_HASH}, $3 {_ROWS}",
    "identity.ciba_requests": "INSERT INTO identity.ciba_requests (expires_at, id, request_hash,"
    " client_id, mode, scopes, acr_values, subject_key, interval_s, started_at, sealed, slot)"
    f" SELECT $1, {_ID}, {_HASH}, 'bench', 'push', '{{}}', '{{}}', {_HASH}, 5, $1, '\\x00', $3"
    f" {_ROWS}",
    "identity.sessions": "INSERT INTO identity.sessions (expires_at, id, browser_hash, client_id,"
    " person_id, grant_id, started_at, slot)"
    f" SELECT $1, {_ID}, {_HASH}, 'bench', {_ID}, {_ID}, $1, $3 {_ROWS}",
}  # fmt: skip

FILL = {
    "identity.grants": "WITH made AS (INSERT INTO identity.grants (expires_at, id, client_id,"
    " person_id, scopes, details, consent_ids, signed_in_at, created_at, updated_at)"
    f" SELECT $1, {_ID}, {_CLIENT}, {_PERSON}, '{{openid}}', '[]',"
    f" CASE WHEN n % 10 = 0 THEN ARRAY[{_ID}] ELSE '{{}}' END, $1, $1, $1"
    " FROM generate_series(1, $2) AS n RETURNING id, client_id, consent_ids), linked AS ("
    " INSERT INTO identity.grant_consents (consent_id, grant_id) SELECT unnest(consent_ids), id"
    " FROM made) INSERT INTO identity.refresh_families (handle_hash, grant_id, client_id, jkt,"
    " generation,"
    f" started_at, idle_expires_at, expires_at) SELECT {_HASH}, id, client_id, 'bench', 1,"
    " $1, $1, $1 FROM made",
    "identity.authentications": "INSERT INTO identity.authentications (forget_at, grant_id, acr,"
    f" authenticated_at) SELECT $1, {_ID}, 'bench', $1 {_ROWS}",
    "identity.passkey_challenges": "INSERT INTO identity.passkey_challenges (expires_at,"
    f" challenge, purpose, holder_hash, statement) SELECT $1, {_HASH}, 'answer', {_HASH},"
    f" {_TEXT} {_ROWS}",
    "identity.passkey_sessions": "INSERT INTO identity.passkey_sessions (expires_at,"
    f" session_hash, device_id) SELECT $1, {_HASH}, {_DEVICE} {_ROWS}",
    "identity.quiet_sign_ins": "INSERT INTO identity.quiet_sign_ins (expires_at, sign_in_id,"
    f" person_id, client_id, service, ask, started_at) SELECT $1, {_ID}, {_PERSON}, 'bench',"
    f" '{{}}', {_TEXT}, $1 {_ROWS}",
    "identity.form_grants": "INSERT INTO identity.form_grants (expires_at, id, grant_id,"
    f" client_id, person_id, approval_id, detail, granted_at) SELECT $1, {_ID}, {_ID}, 'bench',"
    f" {_PERSON}, {_ID}, {_TEXT}, $1 {_ROWS}",
    "identity.form_fillings": "INSERT INTO identity.form_fillings (expires_at, id, handle_hash,"
    f" client_id, detail, number, started_at) SELECT $1, {_ID}, {_HASH}, {_CLIENT}, {_TEXT},"
    f" '00', $1 {_ROWS}",
    "identity.initial_access_tokens": "INSERT INTO identity.initial_access_tokens (expires_at,"
    f" token_hash, issued_by, uses_left) SELECT $1, {_HASH}, 'bench', 1 {_ROWS}",
    "identity.enrolment_codes": "INSERT INTO identity.enrolment_codes (expires_at, code_hash,"
    f" person_id) SELECT $1, {_HASH}, {_PERSON} {_ROWS}",
    "identity.recoveries": "INSERT INTO identity.recoveries (expires_at, id, secret_hash,"
    " subject_key, started_at, ready_at, tries_left)"
    f" SELECT $1, {_ID}, {_HASH}, {_HASH}, $1, $1, 5 {_ROWS}",
    "identity.recovery_codes": "INSERT INTO identity.recovery_codes (expires_at, code_hash,"
    f" person_id, factor) SELECT $1, {_HASH}, {_PERSON}, 'message' {_ROWS}",
    "identity.messages": "INSERT INTO identity.messages (expires_at, id, person_id, channel,"
    f" body_sealed, sent_at) SELECT $1, {_ID}, {_PERSON}, 'phone', {_HASH}, $1 {_ROWS}",
    "identity.signing_authorizations": "WITH made AS (INSERT INTO identity.signing_authorizations"
    " (created_at, id, approval_id, client_id, person_id, kind, subject_id, is_of_documents)"
    f" SELECT $1, {_ID}, {_ID}, 'bench', {_PERSON}, 'person', 'bench', false {_ROWS}"
    " RETURNING id) INSERT INTO identity.signing_authorized_hashes (authorization_id, position,"
    f" hash, label) SELECT id, 0, {_HASH}, 'bench' FROM made",
    "identity.approvals": "WITH made AS (INSERT INTO identity.approvals (decided_at, id, kind,"
    " reference, requester_org, quorum, shown, words_hash, tries_left, state, created_at,"
    f" expires_at, is_passing) SELECT $1, {_ID}, 'sign_in', 'bench', 'bench', 1, {_TEXT}, 'bench',"
    f" 3, 'expired', $1, $1, true {_ROWS} RETURNING id) INSERT INTO identity.approval_persons"
    f" (approval_id, person_id, position) SELECT id, {_PERSON}, 0 FROM made",
    "identity.registrations": "WITH made AS (INSERT INTO identity.clients (id, names,"
    " organisation_id, sector, redirect_uris, scopes, keys, is_active, created_at)"
    f" SELECT 'dyn-' || {_ID}, '{{}}', '', 'bench', '{{}}', '{{}}', '[]', true, $1 {_ROWS}"
    " RETURNING id) INSERT INTO identity.registrations (client_id, token_hash, metadata,"
    f" source_key, registered_at) SELECT id, {_HASH}, {_TEXT}, {_HASH}, $1 FROM made",
    "portal.sessions": "INSERT INTO portal.sessions (expires_at, secret_hash, sealed, started_at)"
    f" SELECT $1, {_HASH}, repeat('x', 400)::bytea, $1::timestamptz - interval '1 hour' {_ROWS}",
    "portal.sign_ins": "INSERT INTO portal.sign_ins (expires_at, secret_hash, sealed)"
    f" SELECT $1, {_HASH}, repeat('x', 400)::bytea {_ROWS}",
    "hongkong_facades.pages": "INSERT INTO hongkong_facades.pages (expires_at, sign_in_id,"
    " client_id, wire, scopes, company_scopes, redirect_uri, state, language)"
    f" SELECT $1, {_ID}, 'bench', 'iam', '{{}}', '{{}}', 'bench', 'bench', 'en' {_ROWS}",
    "hongkong_facades.codes": "INSERT INTO hongkong_facades.codes (expires_at, code_hash,"
    " client_id, wire, scopes, person_id, grant_id, issued_at)"
    f" SELECT $1, {_HASH}, 'bench', 'iam', '{{}}', 'bench', {_ID}, $1 {_ROWS}",
    "hongkong_facades.tokens": "INSERT INTO hongkong_facades.tokens (expires_at, token_hash,"
    f" client_id, wire, scopes) SELECT $1, {_HASH}, 'bench', 'iam', '{{}}' {_ROWS}",
    "hongkong_facades.requests": "INSERT INTO hongkong_facades.requests (expires_at, id,"
    " client_id, wire, kind, business_id, ticket_hash, redirect_uri, state, asked, created_at)"
    f" SELECT $1, {_ID}, 'bench', 'iam', 'form', {_ID}, {_HASH}, 'bench', 'bench', {_HASH}, $1"
    f" {_ROWS}",
    "kernel.jobs": "INSERT INTO kernel.jobs (business_due_at, due_at, queue, key, payload)"
    f" SELECT $1, $1, 'bench', {_ID}, '{{}}' {_ROWS}",
}  # fmt: skip


async def fill_ring(
    db: Connection, *, table: str, slot: int, expires_at: datetime, count: int
) -> None:
    """Add `count` artefacts that expire at one instant to a ring."""
    await db.execute(RING_FILL[table], expires_at, count, slot)


async def fill(db: Connection, *, table: str, ends_at: datetime, count: int) -> None:
    """Add `count` artefacts that end at one instant to another table."""
    await db.execute(FILL[table], ends_at, count)


async def run_jobs(db: Connection, *, now: datetime) -> None:
    """Claim the bench's due jobs and take them away, as the worker does by sixteen."""
    await db.execute(
        "UPDATE kernel.jobs SET due_at = $1::timestamptz + interval '10 seconds',"
        " attempt = attempt + 1 WHERE queue = 'bench' AND due_at < $1", now,
    )  # fmt: skip
    await db.execute("DELETE FROM kernel.jobs WHERE queue = 'bench' AND attempt > 0")


async def vacuum(db: Connection, *, tables: Sequence[str]) -> None:
    """Do what autovacuum does with tables; outside of a transaction."""
    await db.execute(f"VACUUM {', '.join(tables)}")


async def size(db: Connection, *, table: str) -> int:
    """Return the bytes on disk of a table or of all partitions of one, with indexes."""
    total: int = await db.fetchval(
        # Of a table without partitions there is no tree.
        "SELECT coalesce(sum(pg_total_relation_size(relid))::bigint,"
        " pg_total_relation_size($1::text::regclass))"
        " FROM pg_partition_tree($1::text::regclass) WHERE isleaf", table,
    )  # fmt: skip
    return total


async def count_rows(db: Connection, *, table: str) -> int:
    """Return how many rows a table holds."""
    count: int = await db.fetchval(f"SELECT count(*) FROM {table}")
    return count


async def expiring_tables(db: Connection, *, schemas: Sequence[str]) -> list[str]:
    """Return the tables of schemas with a column that says when a row ends."""
    rows = await db.fetch(
        "SELECT DISTINCT c.oid::regclass::text AS name FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped"
        " JOIN pg_namespace s ON s.oid = c.relnamespace"
        " WHERE s.nspname = ANY($1) AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        " AND a.attname ~ '(^|_)(expires|forget|due|ends)_at$' ORDER BY 1",
        list(schemas),
    )  # fmt: skip
    return [row["name"] for row in rows]
