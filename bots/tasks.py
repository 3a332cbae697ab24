"""Background work of bots: each task calls one service and holds no logic."""

from celery import shared_task

from bots.memories import forget_expired


@shared_task(name="bots.forget_memories", ignore_result=True)
def forget_memories() -> None:
    """Delete what bots were to remember until a moment that has passed."""
    forget_expired()
