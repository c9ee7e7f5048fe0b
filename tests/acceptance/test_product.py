"""The example app as its users meet it: from a form to the link in the received mail."""

from __future__ import annotations

import re
import sys
import time

from support.demo import DemoProcess, Visitor
from support.processes import wait_until

PASSWORD = "a long enough password"
NEW_PASSWORD = "quite another password"


def sign_up(visitor: Visitor, address: str) -> None:
    """Make an account through the form; the visitor is signed in afterwards."""
    page = visitor.post("/sign-up", name="Eve", email=address, password=PASSWORD)
    assert "Sign out" in page.text


def link_of(mail: dict, path: str) -> str:
    """Return the link in ``mail`` that leads to ``path``."""
    return next(link for link in mail["links"] if path in link)


def sent_in_24_hours(admin: Visitor, demo: DemoProcess) -> int:
    """Return the first figure of the overview."""
    overview = admin.get(demo.at["back_office"])
    figure = re.search(r'data-metric="sent[^"]*"[^>]*>\s*([\d,]+)', overview.source)
    assert figure, overview.source
    return int(figure[1].replace(",", ""))


def test_password_reset_travels_from_the_form_to_the_link_in_the_mail(
    demo: DemoProcess, visitor: Visitor, address: str
) -> None:
    """Signing up, forgetting the password and setting a new one works by mail."""
    sign_up(visitor, address)
    demo.wait_for_mail(address, "Welcome to Tidepool")
    stranger = Visitor(demo.at["app"])
    page = stranger.get("/forgot-password")
    started = time.monotonic()
    assert "a mail with a link" in stranger.post("/forgot-password", page, email=address).text
    mail = demo.wait_for_mail(address, "Set a new Tidepool password")
    sys.stdout.write(f"from the form to the inbox: {time.monotonic() - started:.3f} s\n")

    link = link_of(mail, "/set-password/")
    page = stranger.post(link, password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert "Your new password is set" in page.text
    assert "do not match" in Visitor(demo.at["app"]).log_in(address, PASSWORD).text
    assert "Sign out" in stranger.log_in(address, NEW_PASSWORD).text
    assert "used already" in Visitor(demo.at["app"]).get(link).text
    assert "Sign out" not in visitor.get("/").text, "the old session outlived the password"


def test_magic_link_signs_in_once(demo: DemoProcess, visitor: Visitor, address: str) -> None:
    """A magic link signs in with a click on its button, and never again."""
    sign_up(visitor, address)
    stranger = Visitor(demo.at["app"])
    stranger.post("/magic-link", email=address)
    link = link_of(demo.wait_for_mail(address, "sign-in link"), "/magic-link/")
    assert "Sign out" not in stranger.get(link).text
    assert "Sign out" in stranger.post(link).text
    assert "used already" in Visitor(demo.at["app"]).get(link).text


def test_ten_wrong_passwords_lock_the_account_and_its_owner_is_told(
    demo: DemoProcess, visitor: Visitor, address: str
) -> None:
    """The answer stays the same, the right password opens nothing, a new one does."""
    sign_up(visitor, address)
    stranger = Visitor(demo.at["app"])
    page = stranger.get("/log-in")
    for _attempt in range(10):
        answer = stranger.post("/log-in", page, email=address, password="wrong")
        assert "do not match" in answer.text
    mail = demo.wait_for_mail(address, "is locked for 30 minutes")
    assert "10 attempts" in mail["text"]
    assert "127.0.0.1" in mail["text"]
    assert "do not match" in stranger.log_in(address, PASSWORD).text
    stranger.post("/forgot-password", email=address)
    link = link_of(demo.wait_for_mail(address, "Set a new Tidepool password"), "/set-password/")
    stranger.post(link, password=NEW_PASSWORD, again=NEW_PASSWORD)
    assert "Sign out" in stranger.log_in(address, NEW_PASSWORD).text


def test_a_copy_of_ones_data_is_for_its_owner(
    demo: DemoProcess, admin: Visitor, visitor: Visitor, address: str
) -> None:
    """The mail names the size; the link opens for nobody else, and not without signing in."""
    sign_up(visitor, address)
    page = visitor.get("/account")
    assert "on its way" in visitor.post("/account/export", page).text
    mail = demo.wait_for_mail(address, "data is ready")
    assert re.search(r"Size: \d+ bytes", mail["text"])
    link = link_of(mail, "/account/export/")
    assert address in visitor.get(link).text
    assert admin.get(link).status == 404
    assert "/log-in?next=" in Visitor(demo.at["app"]).get(link).url


def test_invitation_leads_into_the_workspace(
    demo: DemoProcess, admin: Visitor, address: str
) -> None:
    """Whoever follows an invitation signs up, joins and sees the notes."""
    workspace = re.search(r"/workspaces/\d+", admin.get("/").text)
    assert workspace
    page = admin.get(workspace[0])
    admin.post(f"{workspace[0]}/invitations", page, email=address)
    mail = demo.wait_for_mail(address, "invites you to")
    invited = Visitor(demo.at["app"])
    link = link_of(mail, "/invitations/")
    sign_up_path = re.search(r'href="(/sign-up[^"]*)"', invited.get(link).text)
    assert sign_up_path
    invited.post(sign_up_path[1], name="Eve", email=address, password=PASSWORD)
    assert "Low tide on Saturday" in invited.post(link).text


def test_unknown_addresses_get_the_same_answer(demo: DemoProcess, visitor: Visitor) -> None:
    """Neither form tells whether there is an account."""
    for path in ("/forgot-password", "/magic-link"):
        known = visitor.post(path, email=demo.at["email"])
        unknown = visitor.post(path, email="nobody.knows@tidepool.example")
        assert re.sub("<input.*?>", "", known.source) == re.sub("<input.*?>", "", unknown.source)


def test_links_do_not_follow_the_host_header(
    demo: DemoProcess, visitor: Visitor, address: str
) -> None:
    """A forged Host header does not get into the link of a reset mail."""
    sign_up(visitor, address)
    stranger = Visitor(demo.at["app"], Host="evil.example")
    stranger.post("/forgot-password", email=address)
    mail = demo.wait_for_mail(address, "Set a new Tidepool password")
    assert "evil.example" not in mail["text"] + mail["html"]
    assert all(link.startswith(demo.at["app"]) for link in mail["links"])


def test_back_office_is_for_admins(demo: DemoProcess, visitor: Visitor, address: str) -> None:
    """Visitors are asked to sign in, members are refused."""
    path = demo.at["back_office"]
    assert "/log-in?next=" in visitor.get(path).url
    sign_up(visitor, address)
    assert visitor.get(path).status == 403


def test_back_office_shows_what_was_sent(
    demo: DemoProcess, admin: Visitor, visitor: Visitor, address: str
) -> None:
    """The overview counts the mail that the app sent, and the list shows it as sent."""
    before = sent_in_24_hours(admin, demo)
    sign_up(visitor, address)
    demo.wait_for_mail(address, "Welcome to Tidepool")

    def listed() -> bool:
        source = admin.get(f"{demo.at['back_office']}messages?q={address}").text
        return "Welcome to Tidepool" in source and 'data-state="sent"' in source

    wait_until(listed, timeout=30, every=0.2)
    assert sent_in_24_hours(admin, demo) > before
