"""Places without the words that they were made for."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found

LINK = 'href="https://acme.example"'


@pytest.mark.parametrize(
    "body",
    [
        "<h2></h2>",
        "<h2> &nbsp; </h2>",
        "<h3><span></span></h3>",
        f"<a {LINK}></a>",
        f"<a {LINK}><b>&zwnj;</b></a>",
        "<button></button>",
        "<ul><li><li>One</ul>",
    ],
)
def test_headings_links_buttons_and_items_hold_something(body):
    assert body_found(body, rule="empty-slot") == ["empty-slot!"]


@pytest.mark.parametrize(
    "body",
    [
        "<p></p>",
        '<td class="a" style="font-family:Arial"></td>',
        '<td class="a" style="font-size:16px"></td>',
    ],
)
def test_paragraphs_and_cells_for_words_should(body):
    assert body_found(body, rule="empty-slot") == ["empty-slot"]


@pytest.mark.parametrize(
    "body",
    [
        "<td></td>",
        '<td style="font-family:Arial"></td>',
        '<td class="gap" width="20" style="font-family:Arial"></td>',
        '<td style="font-size:1px">&nbsp;</td>',
        '<td class="a" style="font-size:1px;font-family:Arial"></td>',
        '<td class="a" height="20" style="font-size:20px"></td>',
        "<p>&nbsp;</p>",
        '<a name="top"></a>',
        '<h2><img src="https://acme.example/a.png" alt="" width="9"></h2>',
        '<div style="display:none"><h2></h2></div>',
        "<h2><b>Words</b></h2>",
        "<h2><svg><path d='M0 0'></path></svg></h2>",
        '<p><video src="https://acme.example/a.mp4"></video></p>',
        "<p><input></p>",
        "<ul><li><hr></ul>",
    ],
)
def test_what_parts_others_or_is_not_seen_need_not(body):
    assert body_found(body, rule="empty-slot") == []
