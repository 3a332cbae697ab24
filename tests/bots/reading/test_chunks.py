"""Cutting: under headings, of a sensible size, nothing lost and nothing repeated."""

from hypothesis import given
from hypothesis import strategies as st

from bots.reading import limits
from bots.reading.blocks import Heading, Paragraph, clean
from bots.reading.chunks import cut, sentences
from bots.reading.kinds import read_content
from bots.reading.plain_text import read_markdown


def test_headings_stand_above_what_follows_them_until_one_as_high() -> None:
    text = "# A\n\none\n\n## B\n\ntwo\n\n### C\n\nthree\n\n## D\n\nfour\n\nE\n=\n\nfive"
    assert [chunk.heading_path for chunk in read_content(text)] == [("A",), ("A", "B"), ("A", "B", "C"), ("A", "D"), ("E",)]


def test_a_table_keeps_its_headers_in_every_row() -> None:
    text = "| Khu vực | Phí |\n|:--|--:|\n| HCM | 30.000đ |\n| **Hà Nội** | 40.000đ |"
    assert [chunk.text for chunk in read_content(text)] == ["Khu vực: HCM; Phí: 30.000đ\nKhu vực: Hà Nội; Phí: 40.000đ"]


def test_what_is_only_look_is_left_out() -> None:
    text = "See **our** [terms](https://x.example) and ![a lamp](l.png) for `code` <b>now</b> <!-- hidden -->."
    assert read_content(text)[0].text == "See our terms and a lamp for code now ."


def test_long_text_is_cut_at_the_ends_of_sentences() -> None:
    sentence = "Chúng tôi giao hàng trong hai ngày làm việc. "
    chunks = cut([Paragraph(sentence * 200)])
    assert all(len(chunk.text) <= limits.MOST_CHARACTERS for chunk in chunks)
    assert all(chunk.text.endswith("làm việc.") for chunk in chunks)
    assert " ".join(chunk.text for chunk in chunks) == clean(sentence * 200)


def test_short_paragraphs_of_one_heading_share_a_chunk_and_lists_stay_close() -> None:
    chunks = read_content("# A\n\nWe have:\n\n- tea\n- coffee\n\nAnd more.")
    assert [chunk.text for chunk in chunks] == ["We have:\n- tea\n- coffee\n\nAnd more."]


@given(st.text())
def test_sentences_joined_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


@given(st.lists(st.one_of(st.builds(Heading, st.integers(1, 6), st.text()), st.builds(Paragraph, st.text(), st.booleans()))))
def test_every_word_of_a_paragraph_is_in_a_chunk_once(blocks: list[Heading | Paragraph]) -> None:
    words = [word for block in blocks if isinstance(block, Paragraph) for word in clean(block.text).split()]
    chunks = cut(blocks) if words else []
    assert [word for chunk in chunks for word in chunk.text.split()] == words
    assert all(0 < len(chunk.text) <= limits.MOST_CHARACTERS + limits.TARGET_CHARACTERS for chunk in chunks)


@given(st.text(alphabet="#*_`[]()|-=<>! \n\tab1.", max_size=300))
def test_any_markdown_is_read(text: str) -> None:
    for block in read_markdown(text):
        assert isinstance(block, Heading | Paragraph)
