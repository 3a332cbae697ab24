"""A receiver of messages on this machine, and a business to work in."""

from collections.abc import Iterator

import pytest

from tenants.models import Tenant
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server
from vault import outbound


@pytest.fixture
def server(loopback_allowed: None) -> Iterator[HttpServer]:
    with http_server() as found:
        yield found


@pytest.fixture
def here(saigon: Business) -> Iterator[Tenant]:
    with in_tenant(saigon.tenant):
        yield saigon.tenant


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Answer look-ups from a table, at the one place where names are looked up."""
    table: dict[str, list[str]] = {}
    monkeypatch.setattr(outbound, "resolve", lambda host, port: table.get(host) or [host])
    return table
