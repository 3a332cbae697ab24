"""What several pages about conversations share."""

MESSAGE_LENGTH = 4000
"""Characters of one message."""
