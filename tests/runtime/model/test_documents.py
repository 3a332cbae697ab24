"""What stands in documents is read by the model: the passages that were found, each as a source of its own."""

import json

from bots.documents import create_document
from bots.models import KnowledgeCollection
from tests.runtime.model.conftest import answers, plain

CARE = (
    "# Cleaning\n\nWash the rain cover by hand in cold soapy water and hang it up to dry.\n\n"
    "# Storage\n\nKeep the rain cover in its linen pouch, away from heat."
)


def sources_of(endpoint):
    """Return the sources the model was shown."""
    lines = endpoint.asked[-1].body["messages"][0]["content"].splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"n"')]


def test_the_model_reads_each_passage_that_was_found(say, endpoint):
    collection = KnowledgeCollection.objects.create(code="care", name="Care")
    document = create_document(collection=collection, name="care.md", content=CARE)
    endpoint.script = [answers("Wash it by hand in cold water [1].")]
    recorded = say("rain cover linen pouch soapy water")
    shown = [source for source in sources_of(endpoint) if source["kind"] == "document"]
    assert "cold soapy water" in json.dumps(shown)
    assert len({source["text"] for source in shown}) == len(shown) == 2
    assert plain(recorded) == "Wash it by hand in cold water."
    [source] = recorded.decision["sources"]
    assert (source["kind"], source["id"]) == ("document", str(document.pk))
