"""The API does what its description says, whatever it is sent: schemathesis over every operation.

As a program of a tenant that has rows: no 5xx, no undocumented status or media type, every answer of the documented
shape. Half of the requests keep the description, half break it; half of the addresses name a row that is there.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import Business
from tests.test_routes import ROUTES, address, schema_paths

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
"""Requests per operation."""

OPERATIONS = [(path, method) for path, methods in ROUTES.items() for method in methods if method in schema_paths()[path]]


@cache
def described() -> Any:
    """Return the description the application serves, with the application behind it."""
    return schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application())


def values_of(path: str, business: Business) -> dict[str, str]:
    """Return the values of an address's variables that lead to a row of the business."""
    filled, _row = address(path, business)
    pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
    found = re.fullmatch(pattern, filled)
    return found.groupdict() if found else {}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_one_that_was_described(saigon: Business, path: str, method: str) -> None:
    operation = described()[f"/api/v1/{path}"][method.upper()]

    @given(
        case=st.one_of(operation.as_strategy(mode) for mode in GenerationMode),
        is_known=st.booleans(),
    )
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def answers(case: Any, is_known: bool) -> None:
        if is_known and case.path_parameters:
            case.path_parameters.update(values_of(path, saigon))
        case.headers.pop("Authorization", None)
        case.call_and_validate(headers={"Authorization": f"Bearer {saigon.key}"}, checks=CHECKS)

    answers()


@pytest.fixture(autouse=True)
def _one_connection_and_no_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the test's connection between requests, as Django's own client does; 429 would hide what is behind it."""
    monkeypatch.setattr("tenants.throttling.TokenThrottle.allow_request", lambda *_: True)
    for sent in (request_started, request_finished):
        sent.disconnect(close_old_connections)
    yield
    for sent in (request_started, request_finished):
        sent.connect(close_old_connections)
