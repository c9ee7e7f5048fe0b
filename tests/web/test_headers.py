"""The security headers of every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web.test_gate import address, name

from flask_smtpadmin.web.routes import ROUTES, Route

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PATHS = [
    "/",
    "/messages",
    "/messages/1",
    "/messages/99",
    "/servers",
    "/servers/new",
    "/servers/new?preset=gmail",
    "/servers/find",
    "/servers/default",
    "/settings",
    "/test",
    "/nowhere",
    "/healthz",
]


@pytest.fixture
def host(make_office: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Build an office inside a host app's own template."""

    def build(**config: Any) -> Any:
        office = make_office(SMTPADMIN_BASE_TEMPLATE="host.html", **config)
        (tmp_path / "host.html").write_text(
            "<!doctype html><title>{% block title %}{% endblock %}</title>"
            "<p>Our host</p>{% block content %}{% endblock %}"
        )
        office.app.jinja_loader.searchpath.append(str(tmp_path))
        return office

    return build


def has_the_usual(headers: Any) -> bool:
    """Say whether all headers but the policy are there."""
    return (
        headers["X-Content-Type-Options"] == "nosniff"
        and headers["X-Frame-Options"] == "DENY"
        and headers["Referrer-Policy"] == "same-origin"
        and headers["Cache-Control"] == "no-store"
    )


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_locked_down(office: Any, path: str) -> None:
    """Policy, framing, sniffing, referrer and cache: on pages and on error pages alike."""
    office.add("dead")
    response = office.get(path)
    assert response.headers["Content-Security-Policy"] == STRICT
    assert has_the_usual(response.headers)


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_route_answers_with_the_headers(office: Any, route: Route) -> None:
    """The whole URL table: pages, downloads, redirects after forms, errors.

    What shows a message as it is has a stricter policy of its own, and may be framed by the page;
    a page that frames it may show what is at this very site.
    """
    office.add("dead")
    form = {"csrf_token": office.token()} if route.method == "POST" else None
    path = f"/admin/email{address(route)}"
    response = office.client.open(path, method=route.method, data=form)
    policy = response.headers["Content-Security-Policy"]
    if policy.startswith("sandbox; default-src 'none'"):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
    else:
        assert policy.removesuffix("; frame-src 'self'") == STRICT
        assert has_the_usual(response.headers)


def test_refusals_are_locked_down_too(office: Any) -> None:
    """403 and 400 answers carry the same headers."""
    office.token()
    expired = office.client.post("/admin/email/pause")
    office.rights = set()
    for response in (office.get("/"), expired):
        assert response.headers["Content-Security-Policy"] == STRICT
        assert has_the_usual(response.headers)


@pytest.mark.parametrize("path", PATHS)
def test_pages_hold_nothing_inline_and_nothing_foreign(office: Any, path: str) -> None:
    """No style or event attribute, no inline script or style, no address of another host."""
    office.add("dead")
    source = office.get(path).text
    assert " style=" not in source
    assert "<style" not in source
    assert " onclick=" not in source
    assert source.count("<script") == source.count("<script src=")
    assert 'src="http' not in source
    assert 'rel="stylesheet" href="http' not in source


def test_static_files_may_be_kept_for_a_year(office: Any) -> None:
    """An address that names the file's version never changes what it holds."""
    source = office.page("/")
    start = source.index("/admin/email/static/style.css?v=")
    path = source[start : source.index('"', start)]
    with office.client.get(path) as response:
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_inside_a_host_page_the_host_decides(host: Callable[..., Any]) -> None:
    """With a base template there is no policy of ours, only content and local navigation."""
    response = host().get("/")
    assert "Our host" in response.text
    assert "Content-Security-Policy" not in response.headers
    assert has_the_usual(response.headers)
    assert response.text.count("<title>") == 1
    assert "sa-top" not in response.text
    assert 'aria-label="E-mail"' in response.text


def test_the_hosts_own_names_stay_its_own(host: Callable[..., Any], tmp_path: Path) -> None:
    """What the host's template calls app_name, asset or notice is not replaced by ours."""
    office = host()
    names = ("app_name", "asset", "notice", "frame", "may", "address", "actor", "looks")
    shown = "".join(f"<i>{{{{ {name} }}}}</i>" for name in names)
    (tmp_path / "host.html").write_text(f"{shown}{{% block content %}}{{% endblock %}}")
    office.app.context_processor(lambda: {name: f"host {name}" for name in names})
    source = office.page("/")
    assert all(f"<i>host {name}</i>" in source for name in names)


def test_a_policy_of_the_apps_own_is_used(host: Callable[..., Any]) -> None:
    """SMTPADMIN_CSP is sent as it stands, inside a host page too."""
    response = host(SMTPADMIN_CSP="default-src 'self'").get("/")
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"


def test_an_unusable_policy_holds_no_mail_and_leaves_the_strict_one(
    make_office: Callable[..., Any],
) -> None:
    """SMTPADMIN_CSP with a line break: said on the pages, the default in force, mail goes out."""
    office = make_office(SMTPADMIN_CSP="default-src *;\nscript-src *")
    office.save(host="mail.example", from_email="app@example.com")
    response = office.get("/settings")
    assert response.headers["Content-Security-Policy"] == STRICT
    assert 'data-problem="csp"' in response.text
    assert "SMTPADMIN_CSP cannot be used" in office.page("/")
    assert office.server().usable


def test_a_base_template_that_is_not_there_is_named(make_office: Callable[..., Any]) -> None:
    """The pages stand alone then, locked down as ever."""
    response = make_office(SMTPADMIN_BASE_TEMPLATE="no/such.html").get("/")
    assert response.status_code == 200
    assert response.headers["Content-Security-Policy"] == STRICT
    assert "<code>no/such.html</code>" in response.text


def test_a_header_of_the_host_stays(office: Any) -> None:
    """What the app sets on every response is not overwritten by us."""

    @office.app.after_request
    def set_policy(response: Any) -> Any:
        response.headers["Content-Security-Policy"] = "default-src 'self' host"
        return response

    assert office.get("/").headers["Content-Security-Policy"] == "default-src 'self' host"


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/healthz"])
def test_a_page_without_tables_names_the_command(make_app: Callable[..., Any], path: str) -> None:
    """Before the first migration each page says how to make the tables."""
    site = make_app(create=False)
    site.mail.access_check(lambda _right: True)
    response = site.app.test_client().get(f"/admin/email{path}")
    assert response.status_code in {404, 503}
    if response.status_code == 503:
        assert "flask db upgrade" in response.text


def test_a_template_of_the_apps_own_replaces_ours(office: Any, tmp_path: Path) -> None:
    """A file of the same name in the app's template folder wins."""
    folder = tmp_path / "smtpadmin"
    folder.mkdir()
    (folder / "overview.html").write_text("Our own overview")
    office.app.jinja_loader.searchpath.append(str(tmp_path))
    assert office.page("/") == "Our own overview"
