"""``python -m example_app.demo`` starts with one command and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.demo import DemoProcess, Visitor
from support.processes import answers, wait_until
from support.queue_server import binary, bundled_binary


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., DemoProcess]]:
    """Start demos that are stopped after the test."""
    started: list[DemoProcess] = []

    def begin(**environ: str) -> DemoProcess:
        started.append(DemoProcess(tmp_path, **environ))
        return started[-1]

    yield begin
    for demo in started:
        demo.close()


def assert_nothing_left(demo: DemoProcess) -> None:
    """Check that processes and files are gone and that no traceback was printed."""
    assert demo.survivors() == []
    assert not Path(demo.at["folder"]).exists()
    assert "Traceback" not in demo.stderr


def test_ctrl_c_stops_everything(start: Callable[..., DemoProcess]) -> None:
    """One Ctrl-C ends all children in order, removes the files and is no failure."""
    demo = start().wait_until_ready()
    assert len(demo.survivors()) >= len(demo.at["pids"]) == 3
    demo.press_ctrl_c()
    assert demo.wait() == 0
    assert_nothing_left(demo)


def test_ctrl_c_twice_stops_at_once(start: Callable[..., DemoProcess]) -> None:
    """The second Ctrl-C does not wait, even for a worker that hangs."""
    demo = start().wait_until_ready()
    os.kill(demo.at["pids"]["worker"], signal.SIGSTOP)
    demo.press_ctrl_c()
    wait_until(lambda: "Stopping" in demo.stderr)
    demo.press_ctrl_c()
    assert demo.wait(timeout=20) == 130
    assert_nothing_left(demo)


def test_ctrl_c_while_it_starts(start: Callable[..., DemoProcess], tmp_path: Path) -> None:
    """Ctrl-C before anything serves is as clean."""
    demo = start()
    wait_until(lambda: "Filling the database" in demo.stderr)
    demo.at["folder"] = str(next(tmp_path.glob("tidepool-*")))
    demo.press_ctrl_c()
    assert demo.wait() == 0
    assert_nothing_left(demo)


def test_a_child_that_dies_is_named(start: Callable[..., DemoProcess]) -> None:
    """When the worker dies the demo says so, shows its log and stops the rest."""
    demo = start().wait_until_ready()
    os.kill(demo.at["pids"]["worker"], signal.SIGKILL)
    assert demo.wait() == 1
    assert "The worker ended" in demo.stderr
    assert "--- worker ---" in demo.stderr
    assert_nothing_left(demo)


def test_port_is_obeyed(start: Callable[..., DemoProcess], free_port: Callable[[], int]) -> None:
    """``PORT`` fixes the address of the app; a second demo says that it is taken."""
    port = free_port()
    demo = start(PORT=str(port)).wait_until_ready()
    assert demo.at["app"] == f"http://127.0.0.1:{port}/"
    assert answers(port)
    second = start(PORT=str(port))
    assert second.wait() == 1
    assert f"PORT={port} cannot be used" in second.stderr


def test_a_mail_server_of_the_shell_is_ignored(start: Callable[..., DemoProcess]) -> None:
    """``SMTPADMIN_HOST`` in the developer's shell does not lead mail out of the demo."""
    demo = start(SMTPADMIN_HOST="mail.shell.example", SMTPADMIN_PORT="abc").wait_until_ready()
    visitor = Visitor(demo.at["app"])
    visitor.log_in(demo.at["email"], demo.at["password"])
    assert "mail.shell.example" not in visitor.get(f"{demo.at['back_office']}settings").text


@pytest.mark.parametrize("name", ["redis-server", "valkey-server", None])
def test_it_takes_the_queue_server_on_the_path(
    start: Callable[..., DemoProcess], tmp_path: Path, name: str | None
) -> None:
    """A Redis or Valkey on the PATH is used, else the one that the demo extra brings."""
    folder = tmp_path / "bin"
    folder.mkdir()
    expected = bundled_binary()
    if name is not None:
        expected = str(folder / name)
        Path(expected).symlink_to(shutil.which(name) or binary())
    demo = start(PATH=str(folder)).wait_until_ready()
    assert demo.at["queue_server"] == expected
    demo.wait_for_mail(demo.at["email"], "Welcome to Tidepool")
