"""Who gets in: the rights of every route, the CSRF token, and what those outside are told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import redirect
from flask_wtf import CSRFProtect
from support.apps import Site

from flask_smtpadmin.web.access import RIGHTS
from flask_smtpadmin.web.routes import RIGHT_OF, ROUTES, Route

PREFIX = "/admin/email"
GUARDED = [route for route in ROUTES if route.right != "public"]
UNSAFE = [route for route in ROUTES if route.method == "POST"]
PAGES = [route for route in ROUTES if route.method == "GET"]
_NETWORK: list[str] = []
WANTED = {
    "GET /": "view",
    "GET /failures/<cause>": "view",
    "POST /failures/<cause>/replay": "operate",
    "GET /messages": "view",
    "GET /messages/<int:number>": "view",
    "GET /messages/<int:number>/html": "read_content",
    "GET /messages/<int:number>/source": "read_content",
    "GET /messages/<int:number>/attachments/<int:part>": "read_content",
    "POST /messages/<int:number>/retry": "operate",
    "POST /messages/<int:number>/cancel": "operate",
    "POST /messages/<int:number>/mark-sent": "operate",
    "POST /messages/<int:number>/delete": "configure",
    "POST /messages/<int:number>/send-via": "operate",
    "POST /messages/<int:number>/resend": "operate",
    "POST /messages/bulk": "operate",
    "GET /messages/jobs/<job>": "view",
    "POST /messages/jobs/<job>/cancel": "operate",
    "POST /messages/jobs/<job>/continue": "operate",
    "GET /messages/export.csv": "view",
    "GET /messages/export.json": "view",
    "GET /inbox": "view",
    "GET /inbox/<int:number>": "view",
    "POST /inbox/<int:number>/release": "operate",
    "POST /pause": "operate",
    "POST /resume": "operate",
    "POST /adopt": "configure",
    "GET /servers": "view",
    "GET /servers/new": "configure",
    "POST /servers/new": "configure",
    "POST /servers/new/test": "configure",
    "GET /servers/find": "configure",
    "POST /servers/find": "configure",
    "POST /servers/find/use": "configure",
    "GET /servers/<key>": "view",
    "POST /servers/<key>": "configure",
    "POST /servers/<key>/test": "configure",
    "GET /servers/<key>/delete": "configure",
    "POST /servers/<key>/delete": "configure",
    "POST /servers/<key>/move": "configure",
    "POST /servers/<key>/pause": "operate",
    "POST /servers/<key>/resume": "operate",
    "GET /settings": "view",
    "POST /settings": "configure",
    "GET /deliverability": "view",
    "POST /deliverability": "operate",
    "POST /deliverability/forget": "operate",
    "GET /test": "view",
    "POST /test": "operate",
    "GET /test/<batch>": "view",
    "POST /test/<batch>/cancel": "operate",
    "GET /test/<batch>/report.txt": "view",
    "GET /types": "view",
    "GET /types/<name>": "view",
    "POST /types/<name>": "configure",
    "POST /types/<name>/switch": "configure",
    "POST /types/<name>/reset": "configure",
    "POST /types/<name>/restore": "configure",
    "GET /types/<name>/preview": "view",
    "POST /types/<name>/preview": "configure",
    "POST /types/<name>/test": "operate",
    "GET /activity": "view",
    "GET /activity/download": "privacy",
    "GET /activity/<session>": "view",
    "GET /audit": "view",
    "GET /audit/export": "view",
    "GET /healthz": "public",
    "GET /<path:rest>": "view",
}


def address(route: Route) -> str:
    """Return an address of the route, with values that exist."""
    path = route.rule.replace("<int:number>", "1").replace("<key>", "default")
    path = path.replace("<cause>", "recipient_unknown").replace("<int:part>", "1")
    path = path.replace("<batch>", "0123456789abcdef").replace("<job>", "0123456789abcdef")
    return path.replace("<path:rest>", "nowhere").replace("<name>", "@header")


def name(route: Route) -> str:
    """Return the route for the list of tests."""
    return f"{route.method} {route.rule}"


def test_every_address_of_the_pages_is_in_the_table(office: Any) -> None:
    """No rule of the blueprint lacks a right, and none takes a method that the table lacks."""
    rules = [rule for rule in office.app.url_map.iter_rules() if "smtpadmin." in rule.endpoint]
    assert {rule.endpoint.partition(".")[2] for rule in rules} == set(RIGHT_OF)
    methods = {route.endpoint: route.method for route in ROUTES}
    for rule in rules:
        added = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        assert added == {methods.get(rule.endpoint.partition(".")[2], "GET")}


def test_each_route_asks_for_the_right_it_was_given() -> None:
    """The table word for word: whoever changes a right changes it here too."""
    assert {name(route): route.right for route in ROUTES} == WANTED


def test_endpoints_are_told_apart() -> None:
    """Two routes never share an endpoint: the right of one would count for the other."""
    assert len({route.endpoint for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_without_its_right_a_route_answers_403(office: Any, route: Route) -> None:
    """All other rights together do not open a route, and its view does not run."""
    number = office.add("dead")
    office.rights = set(RIGHTS) - {route.right}
    response = office.client.open(PREFIX + address(route), method=route.method)
    assert response.status_code == 403
    assert office.state_of(number) == "dead"
    assert f"Missing right: {route.right}" in response.text


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_its_right_alone_opens_a_route(office: Any, route: Route) -> None:
    """A person with just the right of the table gets past the gate."""
    office.add("dead")
    token = office.token()
    office.rights = {route.right}
    form = {"csrf_token": token} if route.method == "POST" else None
    response = office.client.open(PREFIX + address(route), method=route.method, data=form)
    assert response.status_code not in {400, 401, 403, 405, 500}


@pytest.mark.parametrize("route", GUARDED, ids=name)
def test_without_an_access_check_nobody_gets_in(
    make_app: Callable[..., Site], route: Route
) -> None:
    """Every page then answers 403 and shows the code that lets people in."""
    client = make_app().app.test_client()
    response = client.open(PREFIX + address(route), method=route.method)
    assert response.status_code == 403
    assert "@mail.access_check" in response.text
    assert "def may(right):" in response.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_other_safe_methods_pass_the_gate_too(office: Any, method: str) -> None:
    """HEAD and OPTIONS, which Flask adds by itself, need the right as well."""
    office.rights = set()
    assert office.client.open(f"{PREFIX}/messages", method=method).status_code == 403


def test_the_check_may_answer_the_browser_itself(office: Any) -> None:
    """A Response of the access check goes out as it is: a way to the sign-in page."""
    with office.app.app_context():
        office.answer = redirect("/sign-in")
    response = office.get("/")
    assert (response.status_code, response.location) == (302, "/sign-in")


@pytest.mark.parametrize("answer", ["yes", ("no", 403), object(), [True]])
def test_an_odd_answer_lets_nobody_in(office: Any, answer: object) -> None:
    """What is neither yes nor no nor a response raises, however true Python finds it."""
    office.answer = answer
    office.app.testing = True
    with pytest.raises(TypeError, match="access_check returned"):
        office.get("/")


def test_each_right_is_asked_once_a_request(office: Any) -> None:
    """Many buttons on a page do not ask the app many times."""
    office.add("dead")
    office.asked.clear()
    office.page("/messages")
    assert len(office.asked) == len(set(office.asked))


@pytest.mark.parametrize("token", [None, "", "made-up"])
@pytest.mark.parametrize("route", UNSAFE, ids=name)
def test_without_a_good_token_nothing_is_changed(
    office: Any, route: Route, token: str | None
) -> None:
    """Every form needs the session's token; without it the answer is 400 and nothing happens."""
    number = office.add("dead")
    office.token()
    form = {} if token is None else {"csrf_token": token}
    response = office.client.post(PREFIX + address(route), data=form)
    assert response.status_code == 400
    assert "Nothing was changed" in response.text
    assert office.state_of(number) == "dead"


def test_a_token_of_another_session_is_refused(office: Any) -> None:
    """What one visitor's page holds is of no use in another visitor's browser."""
    token = office.token()
    stranger = office.app.test_client()
    stranger.get(f"{PREFIX}/test")
    assert stranger.post(f"{PREFIX}/pause", data={"csrf_token": token}).status_code == 400


def test_the_script_may_send_the_token_as_a_header(office: Any) -> None:
    """X-CSRFToken does as well as the form field."""
    headers = {"X-CSRFToken": office.token()}
    assert office.client.post(f"{PREFIX}/pause", headers=headers).status_code == 303


def test_the_right_comes_before_the_token(office: Any) -> None:
    """Without the right the answer is 403, be the token good or not; so it is with CSRFProtect."""
    CSRFProtect(office.app)
    office.rights = {"view"}
    assert office.client.post(f"{PREFIX}/pause").status_code == 403
    office.rights = {"view", "operate"}
    assert office.client.post(f"{PREFIX}/pause").status_code == 400
    assert office.post("/pause").status_code == 303


@pytest.mark.parametrize(("testing", "status"), [(True, 303), (False, 400)])
def test_switching_csrf_off_counts_only_while_testing(
    make_office: Callable[..., Any], *, testing: bool, status: int
) -> None:
    """WTF_CSRF_ENABLED=False left in a production config does not open our forms."""
    office = make_office(TESTING=testing, WTF_CSRF_ENABLED=False)
    assert office.client.post(f"{PREFIX}/pause").status_code == status


def test_without_a_secret_key_the_page_says_what_to_set(office: Any) -> None:
    """Forms cannot be protected without SECRET_KEY; the page names it instead of failing."""
    office.app.secret_key = None
    response = office.get("/messages")
    assert response.status_code == 500
    assert "FLASK_SECRET_KEY" in response.text


@pytest.mark.parametrize("route", UNSAFE, ids=name)
def test_a_change_is_never_made_by_a_get(office: Any, route: Route) -> None:
    """Where there is no page of the same address, GET says 405 and changes nothing."""
    number = office.add("dead")
    response = office.get(address(route))
    pages = {page.rule for page in PAGES}
    allowed = {200} if route.rule in pages else {405, 404}
    assert response.status_code in allowed
    assert office.state_of(number) == "dead"


@pytest.mark.parametrize("route", PAGES, ids=name)
def test_a_get_writes_nothing_and_connects_nowhere(office: Any, route: Route) -> None:
    """Opening a page runs no statement but SELECT and opens no socket.

    A look at what a message says, and a download, leave their entry in the audit trail.
    """
    office.add("dead")
    office.save(host="mail.invalid", username="u", password="p")
    office.page("/")
    with watched() as statements:
        office.get(address(route))
    writes = [text for text in statements if not text.lstrip().upper().startswith(_READS)]
    if route.rule in _NOTED:
        entry, head = writes
        assert entry.startswith("INSERT INTO smtpadmin_audit ")
        assert head.startswith("UPDATE smtpadmin_setting ")
    else:
        assert writes == []
    assert _NETWORK == []


_READS = ("SELECT", "PRAGMA", "BEGIN")
#: The report of a test is noted, too, but there is none here.
_NOTED = {
    "/inbox/<int:number>",
    "/messages/<int:number>/html",
    "/messages/<int:number>/source",
    "/messages/<int:number>/attachments/<int:part>",
    "/messages/export.csv",
    "/messages/export.json",
    "/activity/download",
    "/audit/export",
}


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collect the statements that run, and in ``_NETWORK`` what touches the network."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    _NETWORK.clear()
    _NETWORK.append("watching")
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
        _NETWORK.remove("watching")


def _audit(event: str, _arguments: tuple[Any, ...]) -> None:
    if _NETWORK and event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname"}:
        _NETWORK.append(event)


sys.addaudithook(_audit)


def test_a_right_is_asked_for_at_each_request(office: Any) -> None:
    """An app context around several requests, as tests have it, keeps nobody's rights."""
    with office.app.app_context():
        assert office.get("/").status_code == 200
        office.rights.clear()
        assert office.get("/").status_code == 403
