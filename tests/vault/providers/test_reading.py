"""What a provider answers, read whatever comes: never anything but an answer or a provider's error."""

from hypothesis import given
from hypothesis import strategies as st

from tests.vault import openai_server as server
from vault.prices import Tokens
from vault.providers.errors import ProviderError
from vault.providers.reading import ChatAnswer, Embeddings, read_chat, read_embeddings, read_usage

nonsense = st.sampled_from([None, True, -1, 2**70, 1e400, float("nan"), "", "text", [], {}, [None], [[]], {"index": 0}])
inner = nonsense | st.fixed_dictionaries(
    {},
    optional={
        "message": nonsense | st.fixed_dictionaries({}, optional={"content": nonsense, "tool_calls": nonsense}),
        "finish_reason": nonsense,
        "index": nonsense | st.just(0),
        "embedding": nonsense | st.lists(nonsense, max_size=3),
    },
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "choices": nonsense | st.lists(inner, max_size=2),
        "data": nonsense | st.lists(inner, max_size=2),
        "usage": nonsense | st.fixed_dictionaries({}, optional={"prompt_tokens": nonsense, "total_tokens": nonsense}),
    },
)


@given(bodies)
def test_whatever_comes_is_read_or_refused_as_a_providers_error(body):
    for read in (read_chat, lambda one: read_embeddings(one, 1)):
        found = outcome(read, body)
        assert isinstance(found, (ChatAnswer, Embeddings, ProviderError))


def outcome(read, body):
    try:
        return read(body)
    except ProviderError as error:
        return error


@given(*[st.integers(0, 10**6)] * 4)
def test_tokens_are_counted_once_whether_reasoning_stands_inside_the_output_or_beside_it(prompt, said, cached, thought):
    inside = server.usage(prompt, said + thought, min(cached, prompt), thought)
    beside = {**inside, "completion_tokens": said, "total_tokens": prompt + said + thought}
    assert read_usage(inside) == Tokens(prompt, said + thought, min(cached, prompt), thought)
    assert read_usage(beside) == read_usage(inside)
