"""Words against what is behind them."""

from __future__ import annotations

import pytest

from tests.render.lint.messages import body_found, email, findings

DARK = "@media (prefers-color-scheme: dark) {{ {} }}"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("color:#777777", ["contrast"]),
        ("color:#767676", []),
        ("color:#949494; font-size:24px", []),
        ("color:#949494; font-size:23.9px", ["contrast"]),
        ("color:#949494; font-size:18pt", []),
        ("color:#949494; font-size:18.66px; font-weight:bold", []),
        ("color:#949494; font:bold 18.66px/1.2 Arial", []),
        ("color:#949494; font-size:18.66px", ["contrast"]),
        ("color:#959595; font-size:40px", ["contrast"]),
        ("color:#fff; background:#000", []),
        ("color:#fff; background:#000 none", []),
        ("color:#000; background:rgba(0,0,0,.9)", ["contrast"]),
        ("color:rgba(0,0,0,.5)", ["contrast"]),
        ("color:var(--ink)", []),
        ("color:#fff; background:url(https://acme.example/a.png)", []),
        ("color:#fff; background:linear-gradient(#000, #111)", []),
        ("color:#eee; display:none", []),
        ("color:#eee; font-size:1px", []),
        ("color:#777; opacity:.9", []),
    ],
)
def test_ordinary_and_large_words_have_their_own_threshold(style, expected):
    assert body_found(f'<p style="{style}">Words</p>', rule="contrast") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<td bgcolor="#000000"><p>Words</p></td>', ["contrast"]),
        ('<td bgcolor="#000000"><p style="color:#fff">Words <b>and more</b></p></td>', []),
        ('<td style="background:#000"><td style="color:#fff">Words</td>', ["contrast"]),
        ('<td style="color:#777"><h1>Words</h1></td>', []),
        ('<td style="color:#777"><h3>Words</h3></td>', []),
        ('<td style="color:#777"><h4>Words</h4></td>', ["contrast"]),
        ('<td bgcolor="#0000ee"><a href="https://acme.example">Words</a></td>', ["contrast"]),
        ('<font color="#ffff00">Words</font>', ["contrast"]),
        ('<p style="color:#eee">&nbsp;</p>', []),
        ('<p style="color:#eee"><b style="color:#000">Words</b></p>', []),
    ],
)
def test_colours_come_from_what_is_around(body, expected):
    assert body_found(body) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (".c { background: #111 !important }", ["contrast"]),
        (".c { background: #111 !important } .w { color: #eee !important }", []),
        (".c { background: #111 !important } .c p { color: #eee !important }", []),
        (".c { background: #111 !important } .c p { color: #eee }", ["contrast"]),
        (
            ".c { background: #111 !important } p { color: #eee !important } .w { color: #222 !important }",
            ["contrast"],
        ),
        (
            ".c { background: #111 !important } .w { color: #222 !important } p { color: #eee !important }",
            ["contrast"],
        ),
        (".c { background: #111 !important } p:first-child { color: #eee !important }", []),
        (".other { background: #111 !important }", []),
    ],
)
def test_rules_of_dark_mode_win_as_css_says(rules, expected):
    body = '<div class="c" style="background:#fff"><p class="w" style="color:#333">Words</p></div>'
    assert body_found(body, style=DARK.format(rules)) == expected


def test_rules_that_cannot_be_inlined_hold_in_light_mode():
    body = '<td bgcolor="#000000"><a href="https://acme.example">Words</a></td>'
    assert body_found(body, style="td a:hover { color: #fff !important }") == ["contrast"]
    assert body_found(body, style="td a:link { color: #fff !important }") == []
    assert body_found(body, style="@media screen { td a { color: #fff !important } }") == []
    assert body_found(body, style="@media print { td a { color: #fff !important } }") == ["contrast"]


def test_rules_that_hold_for_phones_only_are_no_dark_mode():
    style = "@media (prefers-color-scheme: dark) and (max-width: 600px) { p { color: #fff !important } }"
    assert body_found('<p style="color:#000">Words</p>', style=style) == []


def test_what_is_behind_the_page_in_dark_mode_is_not_guessed():
    assert body_found("<p>Words</p>", style=DARK.format("p { color: #eee !important }")) == []


def test_the_finding_says_what_was_seen():
    (finding,) = findings(email('<p class="facts" style="color:#777">Ana took 7 courses</p>'))
    assert finding.found == (
        'the words of <p class="facts"> are #777777 on #ffffff in light mode: '
        "contrast 4.47, where 4.5 can be read"
    )


def test_thousands_of_tags_in_each_other_are_no_harm():
    assert body_found("<div>" * 3_000 + '<p style="color:#777">Words</p>') == ["contrast"]
