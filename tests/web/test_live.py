"""What the script gets that keeps a page up to date: the moving parts, and only news."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa

from flask_smtpadmin.core.audit_search import Sought
from flask_smtpadmin.storage.database import utcnow
from flask_smtpadmin.web import live

LISTS = ["/messages", "/messages?state=dead", "/activity", "/inbox"]
PAGES = ["/", *LISTS, "/messages/1", "/inbox/1", "/settings"]


def parts(office: Any, path: str, shown: str = "1", **headers: str) -> Any:
    """Ask for the moving parts of a page, as the script does."""
    return office.get(path, headers={"Smtpadmin-Live": shown, **headers})


def ids(source: str) -> list[int]:
    """Return the numbers of the rows in a piece of a page."""
    return [int(number) for number in re.findall(r'<tr data-message-id="(\d+)"', source)]


def token(source: str) -> str:
    """Return the first form token."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', source)
    assert found
    return found[1]


def regions(source: str) -> list[str]:
    """Return the names of the parts that are kept up to date."""
    return re.findall(r'data-live="([\w-]+)"', source)


@pytest.mark.parametrize("path", PAGES)
def test_the_parts_are_those_of_the_page(office: Any, path: str) -> None:
    """The answer has each part that the page marks, a token, and no shell."""
    office.add("dead")
    page, answer = office.page(path), parts(office, path)
    assert answer.headers["Smtpadmin-Live"] == "1"
    assert regions(answer.text) == regions(page)
    assert len(regions(page)) == len(set(regions(page))) > 2
    assert "<html" not in answer.text
    assert "<script" not in answer.text
    assert 'name="csrf_token"' in answer.text
    assert "data-live-refresh" in page


@pytest.mark.parametrize("path", PAGES)
def test_without_news_the_answer_is_304(office: Any, path: str) -> None:
    """Time that goes by is no news; a message that is dead is."""
    office.add("sent", created_at=utcnow() - timedelta(seconds=30))
    first = parts(office, path)
    again = parts(office, path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    assert again.headers["Smtpadmin-Live"] == "1"
    table = office.state.models.table("Message")
    with office.app.app_context(), office.state.database.write() as connection:
        connection.execute(sa.update(table).values(created_at=utcnow() - timedelta(hours=3)))
        connection.execute(sa.update(table).values(state="dead"))
    news = parts(office, path, **{"If-None-Match": first.headers["ETag"]})
    assert news.status_code == 200


def test_ages_and_tokens_are_no_news(office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the words for an age differ a minute later; the token is new after a while."""
    office.add("sent")
    moment = [1_800_000_000]
    monkeypatch.setattr(live.time, "time", lambda: moment[0])
    first = parts(office, "/messages")
    moment[0] += 60
    again = parts(office, "/messages")
    assert token(again.text) != token(first.text)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert live._digest(first.text.replace("just now", "5 min ago")) == live._digest(first.text)
    moment[0] += 1200
    assert parts(office, "/messages").headers["ETag"] != first.headers["ETag"]


def test_rows_that_left_the_list_still_come(office: Any) -> None:
    """A message that the browser shows and that is not in its list any more comes beside it."""
    old, sent, queued = office.add("queued"), office.add("sent"), office.add("queued")
    shown = f"{queued},{sent},{old},x,-1,99999999999999999999999,4711"
    answer = parts(office, "/messages?state=queued", shown).text
    rows, _, left = answer.partition("data-left")
    assert ids(rows) == [queued, old]
    assert ids(left) == [sent]
    assert 'data-state="sent"' in left
    assert "data-left" not in office.page("/messages?state=queued")


def test_rows_that_came_beside_are_masked_too(office: Any) -> None:
    """Without privacy no address comes that way either."""
    number = office.add("sent", to="grace.hopper@example.com")
    office.rights.discard("privacy")
    answer = parts(office, "/messages?state=dead", str(number)).text
    assert ids(answer) == [number]
    assert "grace.hopper" not in answer


def test_the_script_needs_the_right_to_see_the_page(office: Any) -> None:
    """Without it the answer is 403 and does not pass for the parts of a page."""
    office.rights = set()
    answer = parts(office, "/messages")
    assert answer.status_code == 403
    assert "Smtpadmin-Live" not in answer.headers


def test_the_result_of_a_deed_waits_for_the_person(office: Any) -> None:
    """A look of the script does not take away what the next page has to say."""
    number = office.add("dead")
    office.post(f"/messages/{number}/retry")
    before = parts(office, "/messages").text
    assert "sa-banner" not in before
    assert "sa-banner" in office.page("/messages")


@pytest.mark.parametrize("tab", ["preview", "text", "source", "attachments"])
def test_a_message_is_read_once_however_long_it_is_open(office: Any, tab: str) -> None:
    """The script reads no content: nothing is added to the audit trail, nothing is sent."""
    number = office.add("sent", body="The secret of the body")
    path = f"/messages/{number}?tab={tab}"
    office.page(path)
    with office.app.app_context():
        before = list(office.state.trail.of(Sought()))
        assert "The secret of the body" not in parts(office, path).text
        assert list(office.state.trail.of(Sought())) == before != []


def test_a_later_page_says_so(office: Any) -> None:
    """New rows belong on the first page only."""
    for _ in range(26):
        office.add("sent")
    source = office.page("/messages")
    assert 'data-live-rows="first"' in source
    older = re.search(r'href="/admin/email(/messages\?cursor=[^"]+)"', source)
    assert older
    assert 'data-live-rows="later"' in office.page(unescape(older[1]))


def test_settings_come_without_their_forms(office: Any) -> None:
    """Only the figures and the dead letters are kept up to date."""
    answer = parts(office, "/settings").text
    assert 'data-metric="dead"' in answer
    assert "<fieldset" not in answer
    assert 'name="max_queue"' in office.page("/settings")


def test_what_the_script_says_is_on_the_page(office: Any) -> None:
    """Its words come from the server, in the language of the page; choices have a usual one."""
    source = office.page("/messages")
    found = re.search(r'data-words="([^"]+)"', source)
    assert found
    words = json.loads(unescape(found[1]))
    assert words["show"] == "Show %(count)s new"
    assert words["stale"] == "Not updated since %(time)s."
    choices = re.findall(
        r'<option value="(\d+)" (selected)?', source.partition("data-live-every")[2]
    )
    assert choices[:4] == [("0", ""), ("5", "selected"), ("15", ""), ("60", "")]


def test_inside_a_host_page_the_host_is_not_asked(
    make_office: Callable[..., Any], tmp_path: Any
) -> None:
    """The host's template is not rendered for the script: it may show flashed messages once."""
    office = make_office(SMTPADMIN_BASE_TEMPLATE="host.html")
    (tmp_path / "host.html").write_text("Our host{% block content %}{% endblock %}")
    office.app.jinja_loader.searchpath.append(str(tmp_path))
    page, answer = office.page("/messages"), parts(office, "/messages").text
    assert "Our host" in page
    assert "Our host" not in answer
    assert regions(answer) == regions(page)


def test_an_address_cannot_lead_the_refresh_link_away(office: Any) -> None:
    """The link is the page's own address, whatever stands behind the question mark."""
    source = office.page("/messages?_external=1&_scheme=javascript&number=2")
    found = re.search(r'href="([^"]+)" data-live-refresh', source)
    assert found
    assert found[1].startswith("/admin/email/messages?")
