"""What conversations leave of a person: the conversations themselves, and what was made of the words said in them."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from bots.marks import mark_key
from bots.models import RetrievalMark
from runtime.cache import keys_of
from runtime.gaps import question_key
from runtime.models import KnowledgeGap, SemanticCacheEntry, Session, Turn
from tenants.erasure import Forgotten, Person, delete, mentioning
from vault.models import UsageEntry

COST_STAYS = gettext_noop("What was paid for the answers: numbers, and ids that lead nowhere any more.")


def forget_conversations(person: Person) -> Iterator[Forgotten]:
    """The step of conversations: marked questions, knowledge gaps and cached answers made of their words, and all they said."""
    sessions = list(Session.objects.filter(customer__in=person.ids).values_list("pk", flat=True))
    turns = Turn.objects.filter(session__in=sessions)
    said = set(turns.filter(speaker=Turn.Speaker.USER).exclude(message="").values_list("message", flat=True))
    person.ids |= {*sessions, *turns.values_list("pk", flat=True)}
    yield delete(RetrievalMark.objects.filter(question_key__in={mark_key(text) for text in said}))
    yield delete(_gaps(person, turns, said))
    yield delete(_answers(person, said))
    yield Forgotten("runtime.turn", turns.count(), "deleted")
    yield Forgotten("vault.usageentry", UsageEntry.objects.filter(subject_id__in=person.ids).count(), "kept", COST_STAYS)
    yield delete(Session.objects.filter(pk__in=sessions))


def _gaps(person: Person, turns: QuerySet[Turn], said: set[str]) -> QuerySet[KnowledgeGap]:
    """Questions that stand there in their words, or under a key made of them; others who ask the same open them again."""
    mention = mentioning(KnowledgeGap, ("question", "question_key"), person.patterns)
    asked = Q(turn__in=turns) | Q(question__in=said) | Q(question_key__in={question_key(text) for text in said})
    gaps: QuerySet[KnowledgeGap] = KnowledgeGap.objects.filter(asked | Q(pk__in=mention))
    return gaps


def _answers(person: Person, said: set[str]) -> QuerySet[SemanticCacheEntry]:
    """Answers that are kept for whoever asks the same words as they did."""
    keys = {keys_of(text, "en")[0] for text in said}  # the same in every language
    mention = mentioning(SemanticCacheEntry, ("query_text", "response_text"), person.patterns)
    kept: QuerySet[SemanticCacheEntry] = SemanticCacheEntry.objects.filter(Q(query_key__in=keys) | Q(pk__in=mention))
    return kept
