"""Event destinations and deliveries in the admin."""

import re

import pytest
from django.test import Client
from standardwebhooks.webhooks import Webhook

from tenants.events import record_event
from tests.conftest import PASSWORD, Business, in_tenant
from tests.outside import HttpServer
from tests.tenants.admin_pages import browser, page, text_of
from vault.deliveries import deliver_due
from vault.events_out import create_destination, dispatch_events
from vault.models import EventDelivery, EventDestination

pytestmark = pytest.mark.django_db

DESTINATIONS = "/admin/vault/eventdestination/"
DELIVERIES = "/admin/vault/eventdelivery/"


@pytest.fixture
def owner(saigon: Business) -> Client:
    return browser(saigon.owner)


def a_destination(saigon: Business, server: HttpServer) -> tuple[EventDestination, str]:
    with in_tenant(saigon.tenant):
        return create_destination(name="Bookkeeping", url=server.url)


def send_one(saigon: Business) -> EventDelivery:
    with in_tenant(saigon.tenant):
        record_event("order.created")
    dispatch_events()
    deliver_due()
    with in_tenant(saigon.tenant):
        return EventDelivery.objects.get()


def test_an_empty_list_says_what_it_is_good_for(owner: Client) -> None:
    assert "Another system of yours can be told" in text_of(owner.get(DESTINATIONS))
    assert "Every message to your destinations is listed here" in text_of(owner.get(DELIVERIES))


def test_a_destination_is_made_and_its_secret_shown_once(owner: Client, saigon: Business, server: HttpServer) -> None:
    values = {"name": "Bookkeeping", "url": server.url, "kinds": ["order.created", "stock.low"], "is_active": "on"}
    shown = owner.post(f"{DESTINATIONS}add/", values, follow=True)
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.content.decode())
    assert found, text_of(shown)
    assert "whsec_" not in owner.get(DESTINATIONS).content.decode()
    with in_tenant(saigon.tenant):
        place = EventDestination.objects.get()
    assert place.kinds == ["order.created", "stock.low"]
    send_one(saigon)
    Webhook(found[0]).verify(server.received[0].body, server.received[0].headers)


def test_an_address_inside_is_refused_at_its_field(owner: Client, saigon: Business) -> None:
    values = {"name": "Inside", "url": "http://127.0.0.1/", "is_active": "on"}
    answer = owner.post(f"{DESTINATIONS}add/", values)
    assert answer.status_code == 200
    assert "does not lead to a place on the public internet" in text_of(answer)
    with in_tenant(saigon.tenant):
        assert not EventDestination.objects.exists()


def test_the_test_button_asks_first_and_tells_how_it_went(owner: Client, saigon: Business, server: HttpServer) -> None:
    place, _secret = a_destination(saigon, server)
    path = page("vault_eventdestination_test", place.pk)
    assert "Send a test" in text_of(owner.get(path, follow=True))
    assert server.received == []
    assert "The receiver took the test: status 200" in text_of(owner.post(path, follow=True))
    server.status = 500
    assert "The test did not arrive. The receiver answered 500." in text_of(owner.post(path, follow=True))


def test_a_new_secret_is_shown_and_the_page_says_that_two_sign(owner: Client, saigon: Business, server: HttpServer) -> None:
    place, old = a_destination(saigon, server)
    address = page("vault_eventdestination_new_secret", place.pk)
    assert "prove that it is you" in text_of(owner.post(address, follow=True))
    shown = owner.post(address, {"old_password": PASSWORD}, follow=True)
    found = re.search(r"whsec_[A-Za-z0-9+/=]+", shown.content.decode())
    assert found
    assert found[0] != old
    assert "Two: the secret before is good for another while." in text_of(shown)


def test_lists_show_what_is_wrong_and_a_delivery_can_be_sent_again(
    owner: Client, saigon: Business, server: HttpServer
) -> None:
    a_destination(saigon, server)
    server.status, server.body = 410, b"closed down"
    row = send_one(saigon)
    listed = text_of(owner.get(DESTINATIONS))
    assert "Switched off" in listed
    assert "410" in listed
    assert "The receiver answered 410." in text_of(owner.get(DELIVERIES))
    shown = text_of(owner.get(f"{DELIVERIES}{row.pk}/change/"))
    for said in ("closed down", "order.created", "Failed", str(row.event_id)):
        assert said in shown
    assert "(&#x27;" not in shown
    with in_tenant(saigon.tenant):
        EventDestination.objects.update(is_active=True)
    server.status = 200
    assert "It is on its way again." in text_of(owner.post(page("vault_eventdelivery_resend", row.pk), follow=True))
    deliver_due()
    with in_tenant(saigon.tenant):
        assert EventDelivery.objects.get().state == "done"
    assert "It is on its way already." not in text_of(owner.get(DELIVERIES))


def test_many_are_sent_again_at_once(owner: Client, saigon: Business, server: HttpServer) -> None:
    a_destination(saigon, server)
    row = send_one(saigon)
    values = {"action": "resend_chosen", "_selected_action": [str(row.pk)]}
    assert "On their way again: 1" in text_of(owner.post(DELIVERIES, values, follow=True))
    assert deliver_due() == 1
    assert len(server.received) == 2


def test_operators_see_none_of_it(saigon: Business, server: HttpServer) -> None:
    place, _secret = a_destination(saigon, server)
    operator = browser(saigon.operator)
    assert operator.get(DESTINATIONS).status_code == 403
    assert operator.post(page("vault_eventdestination_test", place.pk)).status_code == 403
    assert "Event destinations" not in text_of(operator.get("/admin/"))
    assert server.received == []
