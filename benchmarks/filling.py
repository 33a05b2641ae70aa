"""Fills an empty PostgreSQL database: so many verifications, and about three times as many requests, in plain SQL.

As a bank has them after four years: each client verified once and one in ten twice, names in six scripts, nine of ten
approved and each other status rare; none to six requests for each, one after the other, at most one of them open;
batches of 5,000, 1,000, 50 and 1; the newest of 5,000 still being sent. What *waits* (queued, uncertain, plans) is as
much in a large database as in a small one; what *was* grows with it.
"""

from __future__ import annotations

import itertools
from typing import Any

REQUESTS_OF_ONE = 3
SELECTED = 5_000
"""So many verifications have a client ID that begins with ``PREFIX``, from 10,000 verifications on."""
PREFIX = "LT-"
OFFICERS = ("Alice Example", "Berta Beispiel", "Carla Ejemplo", "Dana Przykład", "Eva Pavyzdys")
RARE_OFFICER = "Zoe Rarely"

_LITHUANIAN, _POLISH = ("auskas", "ienė", "aitė"), ("owski", "czyk", "mann", "müller")
_STEMS = ("Petr", "Jan", "Star", "Nov", "Grig", "Pavl", "Rim", "Kov", "Hor", "Mark", "Luk", "Sim", "Dan", "Vil", "Kal")
_NAMES = (
    ("Jonas Ona Žygimantas Eglė Šarūnas Agnė", [stem + end for stem in _STEMS for end in _LITHUANIAN]),
    ("Łukasz Małgorzata Paweł Zofia Jürgen", [stem + end for stem in _STEMS for end in _POLISH]),
    ("Анна Иван Ольга Дмитрий", ["Иванов", "Петрова", "Смирнов", "Кузнецова", "Шевченко", "Ковальчук"]),
    ("Γιώργος Ελένη Νίκος", ["Παπαδόπουλος", "Γεωργίου", "Οικονόμου", "Δημητρίου"]),
    ("محمد فاطمة علي", ["العربي", "الحسن", "منصور", "الخطيب"]),
    ("გიორგი ნინო", ["ბერიძე", "კაპანაძე", "მაისურაძე"]),
)  # fmt: skip

_VERIFICATIONS = """
INSERT INTO idenfy_kyc_verification (id, scan_ref, client_id, name, name_folded, status, verified_at, is_final, checks,
    told_at, document_expires, expiration_threshold, erased_client, created_at, updated_at)
SELECT i, gen_random_uuid(), client_id, pool.name, pool.folded, status,
       CASE WHEN status = 'ACTIVE' THEN NULL ELSE at END, status <> 'REVIEWING', '{}', at, '', '', '', at, at
FROM (SELECT i, now() - (%(count)s - i + random()) / %(count)s * interval '4 years' AS at,
             1 + floor(random() * %(names)s)::int AS name_id,
             CASE WHEN i %% 50 = 8 THEN ''
                  ELSE (CASE WHEN i %% %(step)s = 1 THEN %(prefix)s ELSE 'EU-' END)
                       || lpad((CASE WHEN i %% 10 = 0 THEN i - 4 ELSE i END)::text, 8, '0') END AS client_id,
             (ARRAY['DENIED', 'DENIED', 'SUSPECTED', 'REVIEWING', 'EXPIRED', 'EXPIRED', 'EXPIRED', 'ACTIVE', 'DELETED',
                    'ARCHIVED'])[CASE WHEN random() < 0.88 THEN 0 ELSE 1 + floor(random() * 10)::int END] AS rare
      FROM generate_series(1, %(count)s) AS i) AS each
JOIN pool ON pool.id = name_id, LATERAL (SELECT coalesce(rare, 'APPROVED') AS status) AS the
ORDER BY i
"""
_ASKED = """
CREATE TEMP TABLE asked AS
SELECT row_number() OVER (ORDER BY at DESC) - 1 AS place, verification, client_id, number = times AS is_last, at,
       random() AS chance
FROM (SELECT id AS verification, client_id, number, times,
             created_at + (number - 1 + random()) / times * (now() - created_at) AS at
      FROM (SELECT id, client_id, created_at,
                   (ARRAY[0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 6, 6, 6])[1 + floor(random() * 20)::int]
                   + (random() < 0.25)::int AS times
            FROM idenfy_kyc_verification) AS each, generate_series(1, times) AS number) AS made
"""
_IN_BATCHES = """
CREATE TEMP TABLE placed AS
SELECT total - place AS id, total - CASE WHEN again > 1 THEN place ELSE first END AS batch, verification, client_id,
       is_last, at, chance, again > 1 AS is_alone, place
FROM (SELECT *, count(*) OVER () AS total, row_number() OVER (PARTITION BY first, verification ORDER BY place) AS again
      FROM (SELECT *, place - CASE WHEN turn < 5000 THEN turn WHEN turn < 9000 THEN turn %% 1000
                                   WHEN turn < 9500 THEN turn %% 50 ELSE 0 END AS first
            FROM (SELECT *, place %% 10000 AS turn FROM asked) AS turned) AS chunked) AS numbered;
CREATE TEMP TABLE batch AS
SELECT batch AS id, max(at) AS at, count(*) AS size, batch %% 40 = 7 AND max(at) > now() - interval '30 days'
       AND row_number() OVER (ORDER BY batch DESC) BETWEEN 10 AND 2000 AS is_plan FROM placed GROUP BY batch;
INSERT INTO idenfy_kyc_requestbatch (id, lifetime, questionnaire, additional_step_upload_required,
    bank_card_verification, note, selection, per_verification, planned_by_name, planned_at, confirmed_by_name,
    confirmed_at, fingerprint, pause_reason, pause_params)
SELECT id, interval '14 days', CASE WHEN id %% 3 = 0 THEN '' ELSE 'source-of-funds' END, id %% 3 = 0, false,
       (ARRAY['Annual review', 'Proof of address', 'Source of funds', 'New terms'])[1 + id %% 4] || ' ' || id %% 12, '',
       false, officer, at - interval '1 hour', CASE WHEN is_plan THEN '' ELSE officer END,
       CASE WHEN NOT is_plan THEN at END, '', '', '{}'
FROM batch, LATERAL (SELECT CASE WHEN id %% 500 = 3 THEN %(rare)s
                                 ELSE (%(officers)s::text[])[1 + id %% %(count)s] END AS officer) AS who
"""
_REQUESTS = """
CREATE TEMP TABLE stated AS
SELECT placed.*, batch.at AS asked_at, CASE
    WHEN is_plan THEN CASE WHEN chance < 0.9 THEN 'draft' ELSE 'skipped' END
    WHEN is_last AND place < 800 AND NOT is_alone THEN CASE WHEN place < 5 THEN 'sending' ELSE 'queued' END
    WHEN is_last AND batch.at > now() - interval '14 days' AND chance < 0.8
         THEN CASE WHEN chance < 0.004 THEN 'unknown' ELSE 'issued' END
    WHEN is_last AND chance > 0.998 THEN 'issued'
    WHEN chance < 0.76 THEN 'completed' WHEN chance < 0.90 THEN 'expired' WHEN chance < 0.94 THEN 'refused'
    WHEN chance < 0.975 THEN 'cancelled' ELSE 'skipped' END AS state
FROM placed JOIN batch ON batch.id = placed.batch;
UPDATE stated SET state = 'completed' WHERE id IN (
    SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY client_id ORDER BY id DESC) AS place FROM stated
                    WHERE client_id <> '' AND state IN ('queued', 'sending', 'issued', 'unknown')) AS open
    WHERE place > 1);
INSERT INTO idenfy_kyc_informationrequest (id, batch_id, verification_id, bank_card_expected_last_four, state, reason,
    reason_params, client_key, open_verification_id, open_client, attempts, sent_at, outcome_at, issued_at, expires_at,
    opened_at, ended_at, session_url, token, public_id, identifier, message)
SELECT id, batch, verification, '', state,
       CASE state WHEN 'skipped' THEN 'same_client' WHEN 'cancelled' THEN 'withdrawn' ELSE '' END, '{}', key,
       CASE WHEN is_open THEN verification END, CASE WHEN is_open THEN key END,
       was_sent::int, CASE WHEN was_sent THEN sent END, CASE WHEN was_sent THEN sent END,
       CASE WHEN state IN ('issued', 'completed', 'expired') THEN sent END,
       CASE WHEN was_sent AND state <> 'refused' THEN sent + interval '14 days' END,
       CASE WHEN state = 'completed' OR state IN ('issued', 'expired') AND id %% 3 = 0
            THEN sent + interval '5 hours' END,
       CASE state WHEN 'completed' THEN least(sent + random() * interval '9 days', now())
                  WHEN 'expired' THEN sent + interval '14 days' WHEN 'cancelled' THEN sent + interval '1 day' END,
       CASE state WHEN 'issued' THEN %(secret)s ELSE '' END, CASE state WHEN 'issued' THEN %(secret)s ELSE '' END, '',
       CASE state WHEN 'refused' THEN 'UPDATE_INFORMATION_NOT_AVAILABLE' ELSE '' END, ''
FROM (SELECT *, least(asked_at + (id - batch) * interval '0.1 s', now()) AS sent,
             CASE WHEN client_id <> '' THEN encode(sha256(client_id::bytea), 'hex') END AS key,
             state IN ('queued', 'sending', 'issued', 'unknown') AS is_open,
             state NOT IN ('draft', 'skipped', 'queued') AS was_sent
      FROM stated) AS each ORDER BY id
"""
_TOLD = """
INSERT INTO idenfy_kyc_answer (verification_id, request_id, identity, received_at, review_follows, reviewed_at, status,
    additional_step, mismatch_tags, risk_level, bank_card, questionnaire_json, looked_at, looked_by_name)
SELECT verification_id, id, id, ended_at, id %% 5 = 0,
       CASE WHEN id %% 5 = 0 AND ended_at < now() - interval '1 day' THEN ended_at + interval '1 day' END,
       'APPROVED', '', '[]', '', '', '',
       CASE WHEN ended_at < now() - interval '2 days' THEN ended_at + interval '1 day' END, %(officer)s
FROM idenfy_kyc_informationrequest WHERE state = 'completed' AND id %% 10 <> 3;
INSERT INTO idenfy_kyc_requestevent (kind, at, actor_name, batch_id, params)
SELECT kind, planned_at, planned_by_name, id, '{}'
FROM idenfy_kyc_requestbatch, unnest(ARRAY['planned', 'confirmed']) AS kind
WHERE confirmed_at IS NOT NULL OR kind = 'planned';
INSERT INTO idenfy_kyc_requestevent (kind, at, actor_name, batch_id, request_id, verification_id, params)
SELECT CASE state WHEN 'refused' THEN 'refused' ELSE 'issued' END, sent_at, '', batch_id, id, verification_id, '{}'
FROM idenfy_kyc_informationrequest WHERE sent_at IS NOT NULL;
INSERT INTO idenfy_kyc_webhookdelivery (digest, body_digest, event_type, scan_ref, body, received_at, after_silence,
    last_received_at, receipts, handled_at, problem)
SELECT md5(i::text), md5(i::text), 'IDENTIFICATION_RESUBMITTED', scan_ref, '', at, false, at, 1,
       CASE WHEN i > 4 THEN at END, CASE WHEN i > 4 THEN '' ELSE 'broke_off' END
FROM (SELECT id AS i, scan_ref, now() - id * interval '30 days' / %(count)s AS at FROM idenfy_kyc_verification
      WHERE id <= %(count)s) AS each
"""
_TABLES = ("verification", "requestbatch", "informationrequest", "answer", "requestevent", "webhookdelivery")


def fill(verifications: int) -> None:
    """Fill the database, unless it holds as many already; tell the planner what is in it."""
    from django.db import connection, transaction

    from idenfy_kyc.models import Verification

    if Verification.objects.count() == verifications:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'; SET LOCAL synchronous_commit = off; SELECT setseed(0.5)")
        _make(cursor, verifications)
        for table in _TABLES:
            name = f"idenfy_kyc_{table}"
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")  # noqa: S608
        cursor.execute("DROP TABLE pool, asked, placed, batch, stated")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _make(cursor: Any, verifications: int) -> None:
    from idenfy_kyc.folding import folded
    from idenfy_kyc.models.fields import EncryptedTextField

    names = _names()
    cursor.execute("CREATE TEMP TABLE pool (id int PRIMARY KEY, name text, folded text)")
    cursor.executemany(
        "INSERT INTO pool VALUES (%s, %s, %s)", [(place, name, folded(name)) for place, name in enumerate(names, 1)]
    )
    step = max(2, verifications // SELECTED)
    cursor.execute(_VERIFICATIONS, {"count": verifications, "names": len(names), "step": step, "prefix": PREFIX})
    cursor.execute(_ASKED)
    for statement in _IN_BATCHES.split(";"):
        cursor.execute(statement, {"rare": RARE_OFFICER, "officers": list(OFFICERS), "count": len(OFFICERS)})
    secret = EncryptedTextField().get_prep_value("https://ivs.idenfy.com/api/v2/redirect?authToken=" + 40 * "x")
    for statement in _REQUESTS.split(";"):
        cursor.execute(statement, {"secret": secret})
    for statement in _TOLD.split(";"):
        cursor.execute(statement, {"officer": OFFICERS[0], "count": max(5, verifications // 10)})


def _names() -> list[str]:
    """Each first name with each last one of its script, and some with a second first name."""
    found = []
    for firsts, lasts in _NAMES:
        given = firsts.split()
        given += [f"{one} {other}" for one, other in itertools.permutations(given, 2)]
        found += [f"{first} {last}" for first, last in itertools.product(given, lasts)]
    return found
