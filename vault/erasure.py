"""What the vault does to forget a person: texts of deliveries and their answers. What was paid names nobody but by id."""

from collections.abc import Iterator

from tenants.erasure import Forgotten, Person, empty, mentioning
from vault.models import EventDelivery


def forget_in_deliveries(person: Person) -> Iterator[Forgotten]:
    """The step of the vault: what was sent to receivers of events, and what they answered."""
    rows = mentioning(EventDelivery, ("body", "answer"), person.patterns)
    yield empty(EventDelivery.objects.filter(pk__in=rows), body="{}", answer="")
