"""What several pages about conversations share."""

from django.utils.translation import gettext

from runtime.models import Session

MESSAGE_LENGTH = 4000
"""Characters of one message."""

ORIGIN = {"origin": "admin"}
"""``ext_metadata`` of a conversation held on the page "talk to a bot"."""


def is_trial(session: Session) -> bool:
    """Whether the conversation was begun on the page "talk to a bot"."""
    return bool(session.ext_metadata.get("origin") == ORIGIN["origin"])


def who(session: Session) -> str:
    """Return whom the conversation is held with."""
    return str(session.customer or (gettext("Test") if is_trial(session) else gettext("Guest")))
