"""What a model says is asked of the guardrails sentence by sentence, and as a whole."""

import pytest

from bots.models import Guardrail
from runtime.models import DecisionEvent
from tests.runtime.model.conftest import answers, plain
from tests.runtime.model.test_answering import QUESTION

pytestmark = pytest.mark.django_db


def rule(condition, action="block", **more):
    return Guardrail.objects.create(code="r", condition_expression=condition, violation_action=action, **more)


def test_a_sentence_that_a_rule_blocks_ends_the_reply(say, endpoint):
    rule("reply.contains('laptop') && reply.tier == 'llm'", fallback_message="Ask us in the shop.")
    endpoint.script = [answers("It is a fine backpack. It holds a laptop. It is green.")]
    recorded = say(QUESTION)
    assert (recorded.decision["tier"], plain(recorded)) == ("guardrail", "Ask us in the shop.")
    details = DecisionEvent.objects.latest("id").decision_metadata
    assert [one["code"] for one in details["guardrails"]] == ["r"]
    assert details["model"]["calls"]


def test_a_mask_hides_in_what_a_model_says(say, endpoint):
    rule("size(reply.emails) > 0", "mask")
    endpoint.script = [answers("It is a fine backpack. Write to mai@example.com for the Trail Runner Backpack [1].")]
    recorded = say(QUESTION)
    assert "mai@" not in plain(recorded)
    assert plain(recorded).endswith("Write to •••@•••••••.••• for the Trail Runner Backpack.")


def test_a_rule_over_the_whole_reply_counts_though_no_sentence_breaks_it(say, endpoint):
    rule("reply.contains('fine') && reply.contains('good')", fallback_message="No.")
    endpoint.script = [answers("It is a fine backpack. It is a good one.")]
    assert plain(say(QUESTION)) == "No."
