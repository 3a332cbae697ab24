"""A receiver of messages on this machine, and a business to work in."""

from collections.abc import Iterator

import pytest

from tenants.models import Tenant
from tests.conftest import Business, in_tenant
from tests.outside import HttpServer, http_server


@pytest.fixture
def server(loopback_allowed: None) -> Iterator[HttpServer]:
    with http_server() as found:
        yield found


@pytest.fixture
def here(saigon: Business) -> Iterator[Tenant]:
    with in_tenant(saigon.tenant):
        yield saigon.tenant
