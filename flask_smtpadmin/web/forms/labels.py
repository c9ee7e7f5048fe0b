"""What the fields are called and the one line below each; the specs know the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask_smtpadmin.core.words import mark


@dataclass(frozen=True, slots=True)
class Label:
    """The words of one field; an empty ``help`` leaves it to the spec's own line."""

    text: str
    help: str = ""
    placeholder: str = ""


LABELS: Final[dict[str, Label]] = {
    "name": Label(mark("Name"), mark("What people call this server."), mark("Main server")),
    "description": Label(mark("Description"), mark("A note for whoever comes next.")),
    "host": Label(mark("Host"), mark("Name or address of the mail server."), "smtp.example.com"),
    "port": Label(mark("Port"), mark("465, 587, 2525 or 25.")),
    "tls_mode": Label(
        mark("Encryption"), mark("Some guides call both of the first two “TLS/SSL”.")
    ),
    "auth": Label(mark("Sign-in"), mark("How the server knows that it is you.")),
    "username": Label(
        mark("User name"), mark("Often the whole e-mail address."), "you@example.com"
    ),
    "password": Label(mark("Password"), mark("Encrypted when saved and never shown again.")),
    "from_email": Label(
        mark("From address"), mark("The address that mail comes from."), "hello@example.com"
    ),
    "from_name": Label(mark("From name"), mark("Shown beside the address. Empty: the app's name.")),
    "reply_to": Label(mark("Reply-To"), mark("Where answers go, unless a message says otherwise.")),
    "subject_prefix": Label(
        mark("Subject prefix"), mark("Put in front of every subject."), "[Staging] "
    ),
    "helo_name": Label(mark("HELO name"), mark("Name given in EHLO. Empty: this machine's name.")),
    "verify_cert": Label(
        mark("Check the server's certificate"), mark("Switch off only for a test server.")
    ),
    "ca_file": Label(mark("CA file"), mark("PEM file of certificate authorities to trust.")),
    "client_cert_file": Label(
        mark("Client certificate"), mark("PEM file with certificate and key.")
    ),
    "proxy_url": Label(
        mark("Proxy"), mark("For a later version: this one cannot connect through a proxy.")
    ),
    "timeout": Label(mark("Time limit for a reply"), mark("Seconds.")),
    "data_timeout": Label(
        mark("Time limit for the message itself"), mark("Seconds; RFC 5321 asks for 600.")
    ),
    "engine": Label(
        mark("Mail engine"),
        mark("smtplib opens one connection per message; others are for development."),
    ),
    "envelope_from": Label(
        mark("Envelope sender"), mark("Where bounces go. Empty: the From address.")
    ),
    "force_from": Label(
        mark("Always use this From address"), mark("Replaces the one that a message brings.")
    ),
    "pool_size": Label(mark("Connections"), mark("Per worker, at most.")),
    "messages_per_connection": Label(
        mark("Messages per connection"), mark("Then a new one is opened. 0: no limit.")
    ),
    "idle_timeout": Label(mark("Keep idle connections"), mark("Seconds. 0: close at once.")),
    "priority": Label(mark("Priority"), mark("Lower is tried first.")),
    "weight": Label(mark("Weight"), mark("Share among servers of one priority. 0: a reserve.")),
    "routes": Label(
        mark("Only for mail from"),
        mark(
            "Addresses or domains; no other server takes mail from these. Empty: from all the rest."
        ),
        "example.com, ada@example.org",
    ),
    "limits": Label(
        mark("Limits"),
        mark(
            "Such as 100/minute, 5000/day, 900 recipients/hour; also second and month. What is "
            "more than that waits for its turn."
        ),
    ),
    "test_address": Label(
        mark("Test address"), mark("Where test mails go unless another is given.")
    ),
    "registered_addresses": Label(
        mark("Registered addresses"),
        mark("The addresses of this app that you gave the provider. A test says when they change."),
        "203.0.113.15/32",
    ),
    "allow_plaintext_auth": Label(
        mark("Send the password unencrypted"),
        mark("Anyone on the way can read it. Only without encryption."),
    ),
    "mode": Label(
        mark("Mode"), mark("Mail that is in the queue already waits until the mode is live again.")
    ),
    "catch_allow": Label(
        mark("Who gets mail all the same"),
        mark(
            "Domains and addresses. A message passes when all its recipients are among them; "
            "*.example.com means all below a domain."
        ),
        "example.com, *.test.example, qa@partner.example",
    ),
    "app_name": Label(mark("App name"), mark("In mails, and beside the From address.")),
    "max_queue": Label(mark("Queue limit"), mark("Messages that may wait. 0: no limit.")),
    "retry_attempts": Label(mark("Retries"), mark("Tries after the first one failed.")),
    "dead_letter_threshold": Label(
        mark("Dead letter after"), mark("Failures after which a message is given up.")
    ),
    "retry_delay": Label(mark("First retry after"), mark("Seconds; doubles with each failure.")),
    "retry_max_delay": Label(mark("Longest wait between tries"), mark("Seconds.")),
    "check_every": Label(
        mark("Look at each server every"),
        mark("Seconds; a worker signs in and sends nothing. 0: never."),
    ),
    "max_age": Label(
        mark("Give up after"), mark("Seconds after which a message that still waits expires.")
    ),
    "on_uncertain": Label(
        mark("If the link is lost"),
        mark("After the message was written: retry may send twice, hold asks you."),
    ),
    "retention_sent": Label(mark("Keep sent mail"), mark("Days its content is kept.")),
    "retention_dead": Label(mark("Keep dead letters"), mark("Days their content is kept.")),
    "retention_addresses": Label(
        mark("Keep addresses"), mark("Days addresses and subjects are kept.")
    ),
    "retention_attempts": Label(mark("Keep attempts"), mark("Days.")),
    "retention_audit": Label(mark("Keep the audit trail"), mark("Days.")),
    "retention_activity": Label(mark("Keep activity"), mark("Days transcripts are kept.")),
    "activity_log": Label(
        mark("Record activity"),
        mark("All of it, only what failed and how sessions began, or nothing."),
    ),
}


def label_of(name: str) -> Label:
    """Return the words of a field; a new one gets its name as people write it."""
    known = LABELS.get(name)
    return known or Label(name.replace("_", " ").capitalize())
