"""What the phone page is built of is known to Chrome 90 and Safari 14, and its colours are strong enough for the sun."""

from __future__ import annotations

import re

from local.wishes import ROOT

DIST = ROOT / "api" / "web" / "dist"

# Vue hands newer methods of arrays on to who calls them: "(this).toSorted(" is no call of ours.
TOO_NEW = {
    "structuredClone": r"\bstructuredClone\(",
    "Array.at": r"\.at\(-?\d",
    "findLast": r"\.findLast(Index)?\(",
    "Array.with, toSorted, …": r"(?<!\(this\))\.to(Sorted|Reversed|Spliced)\(",
    "Object.hasOwn, groupBy": r"Object\.(hasOwn|groupBy)\(",
    "crypto.randomUUID: not without https": r"randomUUID\(",
    "crypto.subtle: not without https": r"crypto\.subtle",
    "AbortSignal.timeout, any": r"AbortSignal\.(timeout|any)\(",
    "Promise.withResolvers": r"withResolvers\(",
    "look-behind": r"\(\?<[=!]",
    "dialog": r"showModal\(|createElement\(.dialog",
    "BroadcastChannel": r"\bBroadcastChannel\b",
    "class private": r"this\.#\w",
    "static block": r"\bstatic\s*\{",
    "replaceChildren": r"\.replaceChildren\(",
    "top-level await": r"^await ",
    "d and v flags": r"/[gimsuy]*[dv][gimsuy]*\.(exec|test)\(",
}
TOO_NEW_CSS = {
    "inset": r"[;{]inset:",
    "dvh": r"\d[dsl]v[hw]\b",
    ":has": r":has\(",
    "@container, @layer": r"@(container|layer)\b",
    "aspect-ratio": r"aspect-ratio:",
    "color-mix, oklch": r"(color-mix|oklch)\(",
    "nesting": r"&[\s:.>]",
}


def files(ending: str) -> dict[str, str]:
    """Everything the phone page names and all that those import."""
    html = (DIST / "field" / "index.html").read_text(encoding="utf-8")
    names = set(re.findall(r"assets/([\w.-]+\.(?:js|css))", html))
    seen: dict[str, str] = {}
    while names - seen.keys():
        name = (names - seen.keys()).pop()
        seen[name] = (DIST / "assets" / name).read_text(encoding="utf-8")
        names |= set(re.findall(r"[\"']\./([\w.-]+\.(?:js|css))[\"']", seen[name]))
    return {name: text for name, text in seen.items() if name.endswith(ending)}


def test_nothing_in_it_is_newer_than_the_oldest_phones(built: None) -> None:
    found = [
        f"{name}: {what} … {text[max(0, hit.start() - 30) : hit.end() + 20]}"
        for ending, rules in ((".js", TOO_NEW), (".css", TOO_NEW_CSS))
        for name, text in files(ending).items()
        for what, rule in rules.items()
        for hit in re.finditer(rule, text)
    ]
    assert found == []


def test_a_row_of_the_phone_page_needs_no_gap_that_safari_14_does_not_know(built: None) -> None:
    for name, text in files(".css").items():
        for rule in re.findall(r"([^{}]*)\{([^{}]*)\}", text):
            if ".login" in rule[0] or ".line" in rule[0]:
                continue  # has margins besides
            flex = re.search(r"display:(inline-)?flex", rule[1])
            assert not (flex and re.search(r"(^|;)gap:", rule[1])), f"{name}: {rule}"


def test_every_colour_of_words_stands_out_from_what_is_behind_it() -> None:
    text = (ROOT / "api" / "web" / "src" / "tokens" / "tokens.css").read_text(encoding="utf-8")
    block = re.search(r"body\.field \{(.*?)\}", text, re.DOTALL)
    assert block
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block[1]))
    pairs = [(one, "ground") for one in ("text", "faint", "accent", "good", "warn", "bad")]
    pairs += [("bad", "bad-ground"), ("text", "bad-ground"), ("on-accent", "accent")]
    weak = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
