"""Codes of countries and languages, and the codes of what people write instead of them."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib.resources import files

from recmail.errors import nearest

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_OTHERWISE = {
    "UK": "GB",
    "EL": "GR",
}  # two letters that are used for others; ISO 3166 reserves UK, the EU has EL
# What iso3166.tab calls otherwise or not at all, and the names that the largest countries give themselves.
_COUNTRIES = {
    "US": "USA, United States of America, America", "GB": "United Kingdom, UK, Great Britain, England",
    "GR": "EL", "AE": "UAE, Emirates", "KR": "South Korea, Republic of Korea, Korea", "KP": "North Korea",
    "CZ": "Czechia", "NL": "Holland, The Netherlands", "VN": "Viet Nam", "RU": "Russian Federation",
    "TR": "Türkiye, Turkiye", "CI": "Ivory Coast", "MM": "Burma", "CN": "People's Republic of China",
    "BO": "Plurinational State of Bolivia", "CD": "DR Congo, Democratic Republic of the Congo",
    "MK": "Macedonia", "PS": "Palestinian Territories", "CV": "Cabo Verde", "SZ": "Eswatini, Swaziland",
    "IR": "Islamic Republic of Iran", "MD": "Republic of Moldova", "WS": "Samoa", "VA": "Vatican",
    "BN": "Brunei Darussalam", "LA": "Lao", "SY": "Syrian Arab Republic", "TL": "Timor-Leste",
    "DE": "Deutschland", "AT": "Österreich", "CH": "Schweiz, Suisse", "ES": "España", "BR": "Brasil",
    "IT": "Italia", "MX": "México", "IN": "Bharat", "JP": "Nippon", "PL": "Polska", "SE": "Sverige",
}  # fmt: skip
_LANGUAGES = {
    "af": "Afrikaans", "am": "Amharic", "ar": "Arabic", "as": "Assamese", "az": "Azerbaijani",
    "be": "Belarusian", "bg": "Bulgarian", "bn": "Bengali, Bangla", "bs": "Bosnian", "ca": "Catalan",
    "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German, Deutsch", "el": "Greek", "en": "English",
    "es": "Spanish, Español, Castilian", "et": "Estonian", "eu": "Basque", "fa": "Persian, Farsi",
    "fi": "Finnish", "fil": "Filipino, Tagalog", "fr": "French, Français", "ga": "Irish", "gl": "Galician",
    "gu": "Gujarati", "ha": "Hausa", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "hy": "Armenian", "id": "Indonesian, Bahasa Indonesia", "ig": "Igbo", "is": "Icelandic",
    "it": "Italian, Italiano", "ja": "Japanese", "ka": "Georgian", "kk": "Kazakh", "km": "Khmer",
    "kn": "Kannada", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian", "lv": "Latvian", "mk": "Macedonian",
    "ml": "Malayalam", "mn": "Mongolian", "mr": "Marathi", "ms": "Malay, Bahasa Melayu", "my": "Burmese",
    "nb": "Bokmål", "ne": "Nepali", "nl": "Dutch, Nederlands", "no": "Norwegian", "or": "Odia, Oriya",
    "pa": "Punjabi, Panjabi", "pl": "Polish, Polski", "pt": "Portuguese, Português",
    "pt-BR": "Brazilian Portuguese", "ro": "Romanian", "ru": "Russian", "sa": "Sanskrit", "sd": "Sindhi",
    "si": "Sinhala, Sinhalese", "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian",
    "sr": "Serbian", "sv": "Swedish, Svenska", "sw": "Swahili", "ta": "Tamil", "te": "Telugu", "th": "Thai",
    "tr": "Turkish, Türkçe", "uk": "Ukrainian", "ur": "Urdu", "uz": "Uzbek", "vi": "Vietnamese",
    "yo": "Yoruba", "zh": "Chinese, Mandarin", "zh-Hans": "Simplified Chinese",
    "zh-Hant": "Traditional Chinese", "zu": "Zulu",
}  # fmt: skip


def country(text: str) -> str:
    """Read a country, two letters of ISO 3166; capitals do not matter.

    Raises:
        ValueError: it is something else, with the code when it is a country's name.
    """
    if re.fullmatch("[A-Za-z]{2}", text) and text.upper() not in _OTHERWISE:
        return text.upper()
    raise ValueError(_advice(text, _countries(), 'expected a country in two letters such as "IN"'))


def country_of(text: str) -> str | None:
    """The code of a country that is written as its code or its name; None when it is neither."""
    if re.fullmatch("[A-Za-z]{2}", text):
        return _OTHERWISE.get(text.upper(), text.upper())
    return _countries().get(_folded(text))


def language(text: str) -> str:
    """Read a language tag (BCP 47), also one with _ for -; capitals stay as they are.

    Raises:
        ValueError: it is something else, with the tag when it is a language's name.
    """
    tag = text.replace("_", "-")
    if _LANGUAGE.fullmatch(tag):
        return tag
    raise ValueError(_advice(text, _languages(), 'expected a language tag such as "en" or "pt-BR"'))


def language_of(text: str) -> str | None:
    """The tag of a language that is written as a tag or as its name; None when it is neither."""
    tag = text.replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else _languages().get(_folded(text))


def _advice(text: str, codes: dict[str, str], expected: str) -> str:
    found = f"found {text!r}"
    if code := codes.get(_folded(text)):
        return f'{found}; write "{code}"'
    close = nearest(_folded(text), codes)
    return f'{found}; did you mean "{codes[close]}" ({close.title()})?' if close else f"{found}; {expected}"


@cache
def _countries() -> dict[str, str]:
    """The code of each country's names in English; the time zone package has them, in the public domain."""
    text = files("tzdata.zoneinfo").joinpath("iso3166.tab").read_text("utf-8")
    listed = dict(line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    short = {code: re.sub(r" [(].*", "", name) for code, name in listed.items()}
    often = Counter(short.values())  # "Congo (Rep.)" is not the only Congo, "Britain (UK)" the only Britain
    short = {code: name for code, name in short.items() if often[name] == 1}
    return {**_names(listed), **_names(short), **_names(_COUNTRIES)}


@cache
def _languages() -> dict[str, str]:
    return _names(_LANGUAGES)


def _names(codes: dict[str, str]) -> dict[str, str]:
    return {_folded(name): code for code, names in codes.items() for name in names.split(", ")}


def _folded(text: str) -> str:
    return " ".join(text.replace("&", " and ").casefold().split()).removeprefix("the ")
