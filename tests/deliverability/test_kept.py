"""Results are kept on each of the three databases, by whoever checks and however many at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from flask_smtpadmin.core.deliverability.findings import Finding, Record, Report


def report(domain: str = "example.com", text: str = "Ä “quoted” sentence") -> Report:
    """Return a report with one finding."""
    publish = (Record(domain, "TXT", "v=spf1 -all"),)
    found = Finding("spf", "missing", text, ("a" * 1000,) * 20, ("note",), publish)
    return Report(domain=domain, server="default", provider="Fastmail", findings=(found,), ms=1.5)


def test_what_is_kept_comes_back(make_app: Callable[..., Any], database_url: str) -> None:
    """Whole, with a later result in the place of an earlier one, and gone when forgotten."""
    app = make_app(database_url).app
    with app.app_context():
        findings = app.extensions["smtpadmin"].findings
        findings.save([report(), report("b.example")], actor="ada@example.com")
        findings.save([report(text="Later")])
        kept = findings.all()
        assert [(it.report.domain, it.report.findings[0].text) for it in kept] == [
            ("b.example", "Ä “quoted” sentence"),
            ("example.com", "Later"),
        ]
        assert kept[0].report == report("b.example")
        assert findings.forget("b.example", "default")
        assert not findings.forget("b.example", "default")
        assert len(findings.all()) == 1


def test_two_may_keep_the_same_domain_at_once(
    make_app: Callable[..., Any], database_url: str
) -> None:
    """Neither fails, whoever comes first."""
    app = make_app(database_url).app
    findings = app.extensions["smtpadmin"].findings
    errors: list[BaseException] = []

    def keep() -> None:
        try:
            with app.app_context():
                for number in range(5):
                    findings.save([report(f"{number}.example")])
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(findings.all()) == 5
