"""``Idempotency-Key``: a POST sent twice acts once, and answers twice the same.

One statement claims the key before the view runs and commits on its own; one saves the answer, in the transaction of
what the view did, so that a worker killed in between has done neither (a view that calls outside cannot have that: its
answer is saved after it). A claim is leased, so that the claim of a killed worker is taken over; the lease's end fences
its late writes.
"""

import hmac
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request

from tenants.errors import Conflict, DomainError, Malformed
from tenants.models import IdempotencyKey
from tenants.scope import current_tenant_id
from tenants.throttling import principal

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=30)
KEPT_HEADERS = ("Content-Type", "ETag", "Location")

# Both branches see the rows as they were when the statement began: a claim that was made in this very moment is in
# neither, and no row means "in flight" as well.
CLAIM = """
WITH taken AS (
    INSERT INTO tenants_idempotencykey AS own (tenant_id, principal, key, route, body_hash, lease_until)
    VALUES (%(tenant)s, %(principal)s, %(key)s, %(route)s, %(hash)s, %(lease)s)
    ON CONFLICT (tenant_id, principal, key, route) DO UPDATE
        SET body_hash = excluded.body_hash, lease_until = excluded.lease_until,
            status_code = NULL, answer = NULL, created_at = %(now)s
        WHERE own.created_at < %(oldest)s
           OR (own.status_code IS NULL AND own.lease_until < %(now)s AND own.body_hash = excluded.body_hash)
    RETURNING id
)
SELECT id, NULL::bytea, NULL::smallint, NULL::jsonb, true FROM taken
UNION ALL
SELECT id, body_hash, status_code, answer, false FROM tenants_idempotencykey
WHERE tenant_id = %(tenant)s AND principal = %(principal)s AND key = %(key)s AND route = %(route)s
  AND NOT EXISTS (SELECT FROM taken)
"""


@dataclass(frozen=True)
class Claim:
    """This request's right to act for its key, until the lease ends."""

    id: UUID
    lease_until: Any

    def save(self, response: HttpResponse, *, leave_out: Collection[str] = ()) -> bool:
        """Keep the answer for those who ask again, without the fields that are shown once only.

        False when the lease has ended and another request has taken the key over.
        """
        text = response.content.decode()
        if leave_out and text:
            body = json.loads(text)
            text = json.dumps({name: body[name] for name in body if name not in leave_out}, ensure_ascii=False)
        headers = {name: response[name] for name in KEPT_HEADERS if response.has_header(name)}
        answer = {"text": text, "headers": headers}
        return bool(self._mine().update(status_code=response.status_code, answer=answer))

    def release(self) -> bool:
        """Forget the claim: the view failed, and the request may be tried again. False when it was taken over."""
        return bool(self._mine().delete()[0])

    def _mine(self) -> Any:
        return IdempotencyKey.objects.filter(pk=self.id, lease_until=self.lease_until, status_code=None)


def claim(request: Request) -> Claim | HttpResponse:
    """Return the right to act, or the answer given before.

    Raises ``DomainError`` (``key_reused``), ``Conflict`` (``in_progress``) and ``Malformed`` for a key that is none.
    """
    now, mine = timezone.now(), _body_hash(request)
    values = {
        "tenant": current_tenant_id(),
        "principal": principal(request),
        "key": _key(request),
        "route": f"POST {request.path}"[:255],
        "hash": mine,
        "lease": now + LEASE,
        "now": now,
        "oldest": now - KEPT,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        row = cursor.fetchone()
    if row and row[4]:
        return Claim(row[0], now + LEASE)
    if row and not hmac.compare_digest(bytes(row[1]), mine):
        raise DomainError("key_reused", _("This Idempotency-Key was sent with another body."))
    if row is None or row[2] is None:
        raise Conflict("in_progress", _("The first request with this Idempotency-Key is still running."))
    return _replayed(row[2], json.loads(row[3]) if isinstance(row[3], str) else row[3])


def _replayed(status: int, answer: dict[str, Any]) -> HttpResponse:
    response = HttpResponse(answer["text"], status=status)
    del response["Content-Type"]
    for name, value in answer["headers"].items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response


def finish(claimed: Claim, response: HttpResponseBase, *, leave_out: Collection[str] = ()) -> bool:
    """Save the answer. False when another request acts by now.

    A server error, a stream and an answer that asks to come again later are not to be repeated.
    """
    if response.status_code >= 500 or response.has_header("Retry-After") or not isinstance(response, HttpResponse):
        return claimed.release()
    return claimed.save(response, leave_out=leave_out)


def refuse_overtaken() -> None:
    """Raise ``Conflict``: this request took longer than its lease, and another one acts in its place."""
    raise Conflict("in_progress", _("Another request with this Idempotency-Key has taken over."))


def _key(request: Request) -> str:
    key = str(request.headers.get(HEADER, "")).strip()
    if not key or len(key) > 255 or not key.isascii() or not key.isprintable():
        raise Malformed("invalid_key", _("An Idempotency-Key has 1 to 255 printable ASCII characters."))
    return key


def _body_hash(request: Request) -> bytes:
    """Return the keyed hash of the body: a leaked table does not tell what was sent."""
    digest = hmac.new(settings.SECRET_KEY.encode(), digestmod=sha256)
    raw: HttpRequest = request._request
    if not str(raw.content_type).startswith("multipart/"):
        digest.update(raw.body)  # raises RequestDataTooBig, answered 413
        return digest.digest()
    form: Any = request.data
    files = request.FILES
    for name in sorted(form):
        if name not in files:
            digest.update(json.dumps([name, form.getlist(name)]).encode())
    for name in sorted(files):
        digest.update(json.dumps([name, files[name].name]).encode())
        for chunk in files[name].chunks():
            digest.update(chunk)
        files[name].seek(0)
    return digest.digest()
