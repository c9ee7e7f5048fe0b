"""Certificates as mail servers have them, good and bad, as files that Postfix reads."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import trustme

from support.smtp import authority


class Certificates:
    """Files of key and chain (PEM) in ``folder``, by what is the matter with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        stranger = trustme.CA()
        past = {
            "not_before": dt.datetime(2019, 1, 1, tzinfo=dt.UTC),
            "not_after": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        }
        ca = authority().ca
        self._write("good", ca.issue_cert("localhost", "127.0.0.1"))
        self._write("expired", ca.issue_cert("localhost", "127.0.0.1", **past))
        self._write("wrong-name", ca.issue_cert("mail.example.net"))
        self._write("stranger", stranger.issue_cert("localhost"))
        own = stranger.private_key_pem.bytes() + stranger.cert_pem.bytes()
        self.path("self-signed").write_bytes(own)

    def path(self, name: str) -> Path:
        """Return the file of the certificate ``name``."""
        return self._folder / f"{name}.pem"

    def _write(self, name: str, leaf: trustme.LeafCert) -> None:
        self.path(name).write_bytes(leaf.private_key_and_cert_chain_pem.bytes())
