"""What bots forget with a person: what they remember of them."""

from collections.abc import Iterator

from bots.models import BotMemory, RetrievalMark
from tenants.erasure import Forgotten, Person, delete, mentioning


def forget_in_memories(person: Person) -> Iterator[Forgotten]:
    """The step of bots: memories of the customer, those for everybody that mention them, and marked questions that do."""
    yield delete(BotMemory.objects.filter(customer__in=person.ids))
    yield delete(BotMemory.objects.filter(pk__in=mentioning(BotMemory, ("key", "value"), person.patterns)))
    marks = mentioning(RetrievalMark, ("question", "question_key", "title"), person.patterns)
    yield delete(RetrievalMark.objects.filter(pk__in=marks))
