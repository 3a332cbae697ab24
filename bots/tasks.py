"""Background work of bots: each task calls one service and holds no logic."""

from celery import shared_task

from bots.calibration import TASK as CALIBRATE
from bots.calibration import calibrate_due
from bots.documents import TASK as READ_DOCUMENTS
from bots.documents import read_due_documents
from bots.memories import forget_expired


@shared_task(name="bots.forget_memories", ignore_result=True)
def forget_memories() -> None:
    """Delete what bots were to remember until a moment that has passed."""
    forget_expired()


@shared_task(name=READ_DOCUMENTS, ignore_result=True)
def read_documents() -> None:
    """Read the documents that are due."""
    read_due_documents()


@shared_task(name=CALIBRATE, ignore_result=True)
def calibrate() -> None:
    """Calibrate from which score on bots answer, where their texts or marks changed."""
    calibrate_due()
