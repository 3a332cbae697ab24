"""Background work of the catalogue: each task claims from its own queue and holds no logic."""

from celery import shared_task

from catalog.expiry import end_expired
from catalog.imports.jobs import TASK as RUN_IMPORTS
from catalog.imports.jobs import run_due_jobs
from catalog.search.embedding import TASK as EMBED_TEXTS
from catalog.search.embedding import embed_due_texts, requeue_other_models
from catalog.versions import TASK as ACTIVATE_VERSIONS
from catalog.versions import activate_due_versions
from tenants.queue import wake


@shared_task(name=EMBED_TEXTS, ignore_result=True)
def embed_texts() -> None:
    """Embed the texts that changed."""
    embed_due_texts()


@shared_task(name="catalog.requeue_other_models", ignore_result=True)
def requeue_texts() -> None:
    """After an upgrade that brought another model, embed everything anew."""
    if requeue_other_models():
        wake(EMBED_TEXTS)


@shared_task(name=RUN_IMPORTS, ignore_result=True)
def run_imports() -> None:
    """Stage and apply the imports that are due."""
    run_due_jobs()


@shared_task(name=ACTIVATE_VERSIONS, ignore_result=True)
def activate_versions() -> None:
    """Put on sale what was planned for now."""
    activate_due_versions()


@shared_task(name="catalog.end_expired", ignore_result=True)
def end_what_expired() -> None:
    """Release reservations that ran out, and cancel orders that nobody confirmed in time."""
    end_expired()
