"""The benchmarks measure what they say; nothing here is a measurement."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_run_is_timed_from_the_first_to_the_last_mail_at_the_sink(tmp_path):
    """A worker delivers a copied queue to the own sink, and every mail but the first is timed."""
    from benchmarks.copies import fill_with_copies
    from benchmarks.servers import Servers
    from benchmarks.sink import OwnSink
    from benchmarks.timing import Command, measure

    with Servers() as servers, OwnSink(tmp_path) as sink:
        with servers.site("SQLite", redis=False) as site:
            fill_with_copies(site, 40)
            run = measure(sink, 40, [Command(*site.worker(sink.port, 2, "--burst"))])
            counts = site.state.queue.counts()
        assert counts["sent"] == 40
        assert 0 < run.mails < 40
        assert run.rate > 0
        assert sink.accepted() == 40


def test_a_run_that_loses_mail_is_no_run(tmp_path):
    """A contender that ends before the sink has all mails makes the run fail."""
    from benchmarks.sink import OwnSink
    from benchmarks.timing import Command, measure

    with OwnSink(tmp_path) as sink, pytest.raises(RuntimeError, match="0 of 1"):
        measure(sink, 1, [Command([sys.executable, "-c", ""], {})])


def test_the_proxy_adds_the_whole_round_trip(tmp_path):
    """A command and its reply take 40 ms more, in order and complete."""
    from benchmarks.proxy import ONE_WAY, distance
    from benchmarks.sink import OwnSink

    with OwnSink(tmp_path) as sink, distance(sink.port) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            lines = client.makefile("rb")
            assert lines.readline().startswith(b"220")
            began = time.monotonic()
            client.sendall(b"MAIL FROM:<a@example.com>\r\nDATA\r\n")
            client.sendall(b"x\r\n.\r\n")
            replies = [lines.readline()[:3] for _ in range(3)]
            assert time.monotonic() - began >= 2 * ONE_WAY - 0.002
            lines.close()
        assert replies == [b"250", b"354", b"250"]
        assert sink.accepted() == 1


def test_the_page_has_a_place_for_each_result_and_says_what_falls_short():
    """Tables go between the markers of docs/benchmarks.md, each promise with its verdict."""
    from benchmarks import report
    from benchmarks.result import Result, cost_ratio, ratio

    lines = [ratio("fast", [8.0], [2.0], 3), cost_ratio("dear", [8.0], [2.0], 3)]
    result = Result(name="x", title="Some", columns=("who", "n"), rows=[["we", "8"]], lines=lines)
    sections = dict.fromkeys(report.NAMES, report.section(result))
    page = report.rendered(report.PAGE.read_text(), sections)
    assert page.count("| we | 8 |") == len(report.NAMES)
    assert "| fast | 4.00 x | 4.00 to 4.00 | at least 3 x |  | pass |" in page
    assert "| dear | 4.00 x | 4.00 to 4.00 | at most 3 x |  | short |" in page
