"""The eight mails that come with the package."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import astuple
from inspect import signature

import pytest
from support.apps import Site
from support.documents import ROOT
from support.html_mail import addresses, loads, parsed, rendered, seen

from flask_smtpadmin.content.colours import READABLE, contrast
from flask_smtpadmin.content.frame import Frame
from flask_smtpadmin.content.standard import LANGUAGES, NAMES, standard_type
from flask_smtpadmin.core.email_type import Texts
from flask_smtpadmin.core.errors import ConfigurationError, NotFound

VARIABLE = re.compile(r"\{\{ ?([a-z_.]+) ?\}\}")
TAG = re.compile(r"</?[a-z]+[0-9]?")
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
EVERY = [(name, "" if tag == LANGUAGES[0] else tag) for tag in LANGUAGES for name in NAMES]

pytestmark = pytest.mark.needs("tinyhtml5")


def test_they_are_the_eight_and_say_what_may_be_changed() -> None:
    """Words of three of them are not the admins' to change; links that open accounts are secret."""
    types = {name: standard_type(name) for name in NAMES}
    assert len(types) == 8
    fixed = {name for name, kind in types.items() if not kind.customizable}
    assert fixed == {"account-locked", "data-export-ready", "test"}
    critical = {name for name, kind in types.items() if kind.critical}
    assert critical == {"password-reset", "magic-link", "account-locked"}
    secret = {name: kind.expires_in for name, kind in types.items() if kind.secret}
    assert secret == {"password-reset": 3600, "magic-link": 900}
    assert {kind.priority for kind in types.values() if kind.critical} == {"urgent"}
    assert [name for name, kind in types.items() if kind.bulk] == ["notification-digest"]
    with pytest.raises(NotFound):
        standard_type("invoice")


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_html_is_valid_small_and_loads_nothing(name: str, language: str) -> None:
    """No parse error of the HTML standard, less than 15 KB, one h1, its language, no pictures."""
    mail = rendered(name, language)
    tree, errors = parsed(mail.html)
    assert not errors
    assert len(mail.html.encode()) < 15_000
    assert not loads(mail.html)
    assert tree.get("lang") == (language or "en")
    assert len(list(tree.iter("{http://www.w3.org/1999/xhtml}h1"))) == 1
    assert f"<title>{mail.subject}</title>" in mail.html


@pytest.mark.parametrize("name", NAMES)
def test_every_language_says_as_much_as_english(name: str) -> None:
    """A translation uses the same variables, and its HTML the same tags in the same order."""
    kind = standard_type(name)
    for texts in kind.locales.values():
        for own, other in zip(astuple(kind.texts), astuple(texts), strict=True):
            assert set(VARIABLE.findall(other)) == set(VARIABLE.findall(own))
        assert texts.html is not None
        assert kind.texts.html is not None
        assert sorted(TAG.findall(texts.html)) == sorted(TAG.findall(kind.texts.html))
        assert texts.subject != kind.texts.subject


@pytest.mark.parametrize(("name", "language"), EVERY)
def test_the_text_has_every_link_on_a_line_of_its_own(name: str, language: str) -> None:
    """Mail programs find an address best where it stands alone; a paragraph is one line."""
    mail = rendered(name, language)
    lines = [line.strip() for line in mail.text.splitlines()]
    assert set(addresses(mail.html)) <= set(lines)
    assert "{" not in mail.text
    assert "\n\n\n" not in mail.text
    assert not re.search(r"[a-z,]\n[a-z]", mail.text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("accent", ["#4f46e5", "#ffd400", "#0f6e69"])
def test_every_word_can_be_read_in_both_schemes(scheme: str, accent: str) -> None:
    """Text has a contrast of 4.5:1 with the ground it stands on, whatever the accent."""
    pale = []
    for name in NAMES:
        html = rendered(name, frame=Frame(accent=accent)).html
        texts = list(seen(html, scheme))
        assert len(texts) > 5
        pale += [one for one in texts if contrast(one.ink, one.ground) < READABLE]
    assert not pale


@pytest.mark.parametrize("name", NAMES)
def test_hostile_values_stay_text(name: str) -> None:
    """No value opens a tag; a link that would run something leads nowhere."""

    def hostile(value: object, key: str = "") -> object:
        if isinstance(value, str):
            return "javascript:alert(1)" if "link" in key else f"{value}{HOSTILE}"
        if isinstance(value, list):
            return [hostile(one) for one in value]
        if isinstance(value, dict):
            return {key: hostile(one, key) for key, one in value.items()}
        return value

    sample = standard_type(name).sample
    mail = rendered(name, values={key: hostile(value, key) for key, value in sample.items()})
    tree, errors = parsed(mail.html)
    assert not errors
    assert not [tag for tag in tree.iter() if "script" in str(tag.tag) or "img" in str(tag.tag)]
    assert set(addresses(mail.html)) <= {"#"}
    assert "\n" not in mail.subject


def test_what_may_be_missing_may_be_missing() -> None:
    """Each is written without what is optional: no empty row, no lonely comma."""
    least = {
        "welcome": {"link": "https://a.example"},
        "workspace-invitation": {
            "link": "https://a.example",
            "inviter": "Ada",
            "workspace": "Harbour",
        },
        "password-reset": {"link": "https://a.example"},
        "magic-link": {"link": "https://a.example"},
        "notification-digest": {
            "link": "https://a.example",
            "groups": [{"title": "Harbour", "entries": [{"title": "Tides"}]}],
        },
        "account-locked": {"link": "https://a.example", "email": "a@b.example", "attempts": 5},
        "data-export-ready": {"link": "https://a.example", "size": 999},
        "test": {"link": "https://a.example"},
    }
    for name in NAMES:
        values = standard_type(name).prepare(**least[name])  # type: ignore[misc]  # the eight have one
        assert set(values) == set(standard_type(name).sample)
        mail = rendered(name, values=values)
        assert not parsed(mail.html)[1]
        assert "https://a.example" in mail.text
        assert not re.search(r"Hello ,| \.\s|\(\)|: *\n\S|<t[hd][^>]*></", mail.text + mail.html)


def test_a_digest_counts_and_one_is_one() -> None:
    """Entries of all groups; singular where there is one."""
    groups = [{"title": "A", "entries": [{"title": "x"}]}, {"title": "B", "entries": []}]
    digest = standard_type("notification-digest")
    values = digest.prepare(link="https://a.example", groups=groups)  # type: ignore[misc]  # the eight have one
    mail = rendered("notification-digest", values=values)
    assert mail.subject == "1 update in Tidepool"
    assert "A (1)" in mail.text
    assert "B (0)" not in mail.text


@pytest.mark.parametrize(
    ("size", "words"), [(999, "999 bytes"), (1_500, "1.5 KB"), (18_432_000, "18.4 MB"), ("x", "x")]
)
def test_the_size_of_an_export_is_said_as_people_say_it(size: int | str, words: str) -> None:
    """Bytes in thousands; text as it is."""
    values = standard_type("data-export-ready").prepare(link="", size=size)  # type: ignore[misc]  # the eight have one
    assert values["size"] == words


def test_header_and_footer_of_the_app_stand_in_the_layout() -> None:
    """Their small markup is dressed like that of the mail, and their variables are filled in."""
    frame = Frame(
        header=Texts("", '<p><a href="{{ base_url }}">{{ app_name }}</a></p>', ""),
        footer=Texts("", '<p class="small">Shore Road 1</p>', ""),
    )
    html = rendered("welcome", frame=frame).html
    head, rest = html.split("<h1", 1)
    assert re.search(r'<a href="https://tidepool.example"[^>]*>Tidepool</a>', head)
    assert re.search(r'<p class="small m-muted" style="[^"]+">Shore Road 1</p>', rest)


def test_an_app_registers_all_of_them_or_some_and_says_more(
    make_app: Callable[..., Site],
) -> None:
    """``use_standard_types`` and ``send_type`` are enough; an option counts for those named."""
    site = make_app(SMTPADMIN_APP_NAME="Tidepool", SMTPADMIN_MODE="record")
    site.app.config["SMTPADMIN_ACCENT"] = "#0F6E69"
    site.mail.use_standard_types("password-reset", sender="security@tidepool.example")
    with site.app.app_context(), site.mail.record_messages() as sent:
        site.mail.send_type("password-reset", "ada@example.com", {"link": "https://a.example/x"})
    assert sent[0].subject == "Set a new Tidepool password"
    assert sent[0].sender == "security@tidepool.example"
    assert "background-color:#0f6e69;mso-padding-alt" in sent[0].html
    assert addresses(sent[0].html) == ["https://a.example/x"] * 2
    with pytest.raises(ConfigurationError, match="registered already"):
        site.mail.use_standard_types()
    with pytest.raises(NotFound):
        site.mail.use_standard_types("invoice")


def test_the_reference_names_what_each_mail_takes() -> None:
    """The page has a part for each, with every value that can be given to it."""
    page = (ROOT / "docs/reference/standard-mails.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", page, flags=re.MULTILINE)
    for name in NAMES:
        kind = standard_type(name)
        (part,) = [one for one in parts if one.startswith(f"{kind.title}\n")]
        assert kind.prepare is not None
        missing = [
            value for value in signature(kind.prepare).parameters if f"`{value}`" not in part
        ]
        assert not missing, name
        assert f"mails/{name}.png" in part
