"""smtplib's client with our reply parser and a transcript."""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections import deque
from typing import Any

from flask_smtpadmin.core.transaction import ProtocolFault, Reply
from flask_smtpadmin.core.transcript import Transcript
from flask_smtpadmin.transport.wire import MALFORMED, ReplyParser


class Client(smtplib.SMTP):
    """smtplib's client with our reply parser: its own takes half a line at the end for a reply.

    ``patience`` is how long a whole reply may take, in seconds.
    """

    def __init__(self, patience: float, transcript: Transcript | None = None) -> None:
        super().__init__(timeout=patience)  # without a host it does not connect
        self.transcript = transcript
        self.signing_in = False
        self.patience = patience
        self.hung_up = False
        self._parser = ReplyParser()
        self._heard = bytearray()
        self._early: deque[Reply] = deque()

    def take(self, sock: socket.socket) -> None:
        """Go on over ``sock``; what was heard before is forgotten: it may be injected.

        Who hangs up while a thread still connects or encrypts does not know of its socket.
        """
        self.sock = sock
        if self.hung_up:
            self.close()
            raise ConnectionAbortedError("the session is closed")
        self._parser = ReplyParser()
        self._early.clear()

    def send(self, s: Any) -> None:
        """Write a command, unless the server has spoken out of turn."""
        self._nothing_unasked()
        if self.transcript is not None:
            line = s.encode() if isinstance(s, str) else s
            if self.signing_in:
                self.transcript.said_signing_in(line)
            else:
                self.transcript.said(line)
        super().send(s)

    def send_content(self, content: bytes, number: int | None) -> None:
        """Write the content of a message, of which a transcript holds no more than its size."""
        self._nothing_unasked()
        if self.transcript is not None:
            self.transcript.content(number, len(content))
        super().send(content)

    def getreply(self) -> tuple[int, bytes]:
        """Return code and text of the next reply, lines joined by LF; raises OSError."""
        code, text = self._next_reply()
        if self.transcript is not None:
            self.transcript.heard_lines(code, text)
        return code, text

    def _next_reply(self) -> tuple[int, bytes]:
        sock = self._connected
        end = time.monotonic() + self.patience
        self._heard.clear()
        replies: list[Reply] = []
        while not replies:
            sock.settimeout(max(end - time.monotonic(), 0.001))
            data = sock.recv(65536)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            self._heard += data
            replies = self._parser.feed(data)
        sock.settimeout(self.patience)
        reply, *early = replies
        self._early.extend(early)
        if reply.code == MALFORMED:
            return MALFORMED, reply.text.encode()
        lines = bytes(self._heard).split(b"\n")
        return reply.code, b"\n".join(line[4:].strip() for line in lines if line[:3].isdigit())

    def _nothing_unasked(self) -> None:
        sock = self._connected
        sock.settimeout(0)
        try:
            data = sock.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            data = b""
        else:
            if not data:
                raise ConnectionResetError("the server closed the connection")
        finally:
            sock.settimeout(self.patience)
        if data or self._early or self._parser.partial:
            raise ProtocolFault("the server said something that nobody asked for")

    @property
    def _connected(self) -> socket.socket:
        sock: socket.socket | None = self.sock
        if sock is None:
            raise ConnectionAbortedError("the session is closed")
        return sock
