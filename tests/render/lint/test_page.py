"""Pages read in one pass."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from recmail.render.lint.page import Page, Reader, read_tag, visible


def read(text: str) -> Page:
    return Reader().read(text)


def labels(page: Page) -> list[str]:
    return [path.tag.name for path, _ in page.empty]


def test_a_tag_is_taken_apart():
    tag = read_tag("""<A HREF='https://a.example/?b=1&amp;c=2' title="x > y" hidden class=big>""")
    assert (tag.name, tag.closing, tag.void) == ("a", False, False)
    assert tag.attributes == {
        "href": "https://a.example/?b=1&c=2",
        "title": "x > y",
        "hidden": "",
        "class": "big",
    }


def test_what_is_personal_is_no_part_of_the_shape():
    one, other = (
        read_tag('<a href="https://a.example/1" class="b">'),
        read_tag('<a href="https://a.example/2" class="b">'),
    )
    assert one.shape == other.shape
    assert read_tag('<a class="b">').shape != one.shape
    assert read_tag('<a href="https://a.example/1" class="c">').shape != one.shape


def test_words_are_those_that_are_read():
    page = read(
        "<html><head><title>No</title><style>p > a { color: red }</style></head><body><!-- <p>No</p> -->"
        '<!--[if mso]><td>No<![endif]--><div style="display:none">No <b>No</b></div>'
        "<p>R&eacute;sum&eacute; &amp;\n more&nbsp;<br>and <b>bold</b></p><p>&zwnj;&#8199;&#847;</p></body>"
    )
    assert page.words == ["Résumé & more", "and", "bold"]


def test_quotes_and_angle_brackets_do_not_end_a_tag():
    assert read('<img alt="a > b" src="x"><p title=it\'s>Words</p>').words == ["Words"]
    assert read("<p>1 < 2 and 3 > 2</p>").words == ["1 < 2 and 3 > 2"]


def test_end_tags_that_are_missing_or_too_many_do_no_harm():
    assert labels(read("<ul><li>One<li>Two</ul>")) == []
    assert labels(read("<table><tr><td>One<td><tr><td>Two</table>")) == ["td"]
    assert labels(read("</p></b><p>Words</div></p><h2></h2>")) == ["h2"]
    assert labels(read("<div><h2>")) == ["h2"]


def test_equal_paths_of_two_pages_are_one():
    reader = Reader()
    (one,) = reader.read("<p>Ana</p>").written
    (other,) = reader.read("<div></div><p>Béla</p>").written
    assert one is other
    (third,) = reader.read("<style>p { color: red }</style><p>Ana</p>").written
    assert third is not one


def test_paths_without_end_are_forgotten():
    reader = Reader()
    reader.MOST_PATHS = 100
    for number in range(300):
        reader.read(f'<p class="c{number}">Words</p>')
    assert sum(len(root.children) for root in reader._roots.values()) <= 102


@settings(deadline=None)
@given(st.text())
def test_any_text_is_read(text):
    assert all(read(text).words)


WORD = st.text(alphabet="abc &lt;", min_size=1, max_size=6)
TREE = st.recursive(
    WORD,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(["div", "span", "b", "em"]),
        st.lists(inner, max_size=3),
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(TREE)
def test_the_words_are_those_that_lxml_reads(body):
    page = f"<html><body><div>{body}</div></body></html>"
    texts = [visible(text) for text in lxml_html.document_fromstring(page).itertext()]
    assert read(page).words == [text for text in texts if text]


def test_what_is_not_closed_goes_on_to_the_end():
    assert read("Words <!-- a <p>b</p>").words == ["Words"]
    assert read("Words <style> p { <p>b</p>").words == ["Words"]
    assert read('Words <p title="a <b>c</b>').words == ["Words", "c"]
    assert read("No tag at all").words == ["No tag at all"]


def test_thousands_of_tags_in_each_other_are_read():
    assert read("<div>" * 5_000 + "Words").words == ["Words"]
