"""Background work of the catalogue: each task claims from its own queue and holds no logic."""

from celery import shared_task

from catalog.search.embedding import TASK as EMBED_TEXTS
from catalog.search.embedding import embed_due_texts


@shared_task(name=EMBED_TEXTS, ignore_result=True)
def embed_texts() -> None:
    """Embed the texts that changed."""
    embed_due_texts()
