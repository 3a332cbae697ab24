"""Writes to intents: an intent is saved together with its examples."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from bots.models import Intent, IntentExample
from tenants.errors import DomainError
from tenants.queue import wake
from tenants.text import detect_language, nfc

MOST_EXAMPLES = 500
"""Examples of one intent."""


@transaction.atomic
def save_intent(*, intent: Intent, values: Mapping[str, Any], examples: Sequence[str] | None = None) -> Intent:
    """Save a new or changed intent; ``examples``, when given, take the place of those there are.

    What is said already stays, with its vector. Raises ``DomainError`` for more than ``MOST_EXAMPLES``.
    """
    for name, value in values.items():
        setattr(intent, name, value)
    intent.save()
    if examples is not None:
        _say(intent, list(dict.fromkeys(text for one in examples if (text := nfc(one).strip()))))
    wake("catalog.embed_texts")
    return intent


def _say(intent: Intent, texts: list[str]) -> None:
    if len(texts) > MOST_EXAMPLES:
        raise DomainError("too_many", _("An intent has at most %d examples.") % MOST_EXAMPLES, field="examples")
    IntentExample.objects.filter(intent=intent).exclude(text__in=texts).delete()
    known = set(IntentExample.objects.filter(intent=intent).values_list("text", flat=True))
    IntentExample.objects.bulk_create(
        IntentExample(intent=intent, text=text, language=detect_language(text)) for text in texts if text not in known
    )
