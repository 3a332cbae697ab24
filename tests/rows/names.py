"""Names that nobody else has."""

import uuid


def code(prefix: str = "x") -> str:
    """Return a code nobody else has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
