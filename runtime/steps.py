"""Which step of the flow a turn leads to. What else moves a conversation: ``services.change_session``, ``expiry.py``."""

from runtime.context import PERSON_ASKED, Reply, TurnContext


def step_after(context: TurnContext, reply: Reply) -> str | None:
    """Return the step that a turn leads to, None when it stays in its own.

    What happened leads there by the flow (``on``); else where the tier wants to go, if the flow has nothing against it.
    """
    flow, here = context.flow, context.flow_step
    happened = {f"tier:{reply.tier}", f"intent:{context.intent_found}", reply.happened}
    if reply.handover:
        happened.add(PERSON_ASKED)
    wanted = flow.entered(here, happened) or reply.flow_step
    return wanted if wanted and wanted != here and flow.may_follow(here, wanted) else None
