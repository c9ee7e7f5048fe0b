"""What the fields are called and the one line below each; the specs know the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Label:
    """The words of one field; an empty ``help`` leaves it to the spec's own line."""

    text: str
    help: str = ""
    placeholder: str = ""


LABELS: Final[dict[str, Label]] = {
    "name": Label("Name", "What people call this server.", "Main server"),
    "description": Label("Description", "A note for whoever comes next."),
    "host": Label("Host", "Name or address of the mail server.", "smtp.example.com"),
    "port": Label("Port", "465, 587, 2525 or 25."),
    "tls_mode": Label("Encryption", "Some guides call both of the first two “TLS/SSL”."),
    "auth": Label("Sign-in", "How the server knows that it is you."),
    "username": Label("User name", "Often the whole e-mail address.", "you@example.com"),
    "password": Label("Password", "Encrypted when saved and never shown again."),
    "from_email": Label("From address", "The address that mail comes from.", "hello@example.com"),
    "from_name": Label("From name", "Shown beside the address. Empty: the app's name."),
    "reply_to": Label("Reply-To", "Where answers go, unless a message says otherwise."),
    "subject_prefix": Label("Subject prefix", "Put in front of every subject.", "[Staging] "),
    "helo_name": Label("HELO name", "Name given in EHLO. Empty: this machine's name."),
    "verify_cert": Label("Check the server's certificate", "Switch off only for a test server."),
    "ca_file": Label("CA file", "PEM file of certificate authorities to trust."),
    "client_cert_file": Label("Client certificate", "PEM file with certificate and key."),
    "proxy_url": Label("Proxy", "For a later version: this one cannot connect through a proxy."),
    "timeout": Label("Time limit for a reply", "Seconds."),
    "data_timeout": Label("Time limit for the message itself", "Seconds; RFC 5321 asks for 600."),
    "engine": Label(
        "Mail engine", "smtplib opens one connection per message; others are for development."
    ),
    "envelope_from": Label("Envelope sender", "Where bounces go. Empty: the From address."),
    "force_from": Label("Always use this From address", "Replaces the one that a message brings."),
    "pool_size": Label("Connections", "Per worker, at most."),
    "messages_per_connection": Label(
        "Messages per connection", "Then a new one is opened. 0: no limit."
    ),
    "idle_timeout": Label("Keep idle connections", "Seconds. 0: close at once."),
    "priority": Label("Priority", "Lower is tried first."),
    "weight": Label("Weight", "Share among servers of one priority. 0: a reserve."),
    "routes": Label(
        "Only for mail from",
        "Addresses or domains; no other server takes mail from these. Empty: from all the rest.",
        "example.com, ada@example.org",
    ),
    "limits": Label(
        "Limits",
        "Such as 100/minute, 5000/day, 900 recipients/hour; also second and month. What is more "
        "than that waits for its turn.",
    ),
    "test_address": Label("Test address", "Where test mails go unless another is given."),
    "registered_addresses": Label(
        "Registered addresses",
        "The addresses of this app that you gave the provider. A test says when they change.",
        "203.0.113.15/32",
    ),
    "allow_plaintext_auth": Label(
        "Send the password unencrypted", "Anyone on the way can read it. Only without encryption."
    ),
    "app_name": Label("App name", "In mails, and beside the From address."),
    "max_queue": Label("Queue limit", "Messages that may wait. 0: no limit."),
    "retry_attempts": Label("Retries", "Tries after the first one failed."),
    "dead_letter_threshold": Label(
        "Dead letter after", "Failures after which a message is given up."
    ),
    "retry_delay": Label("First retry after", "Seconds; doubles with each failure."),
    "retry_max_delay": Label("Longest wait between tries", "Seconds."),
    "check_every": Label(
        "Look at each server every", "Seconds; a worker signs in and sends nothing. 0: never."
    ),
    "max_age": Label("Give up after", "Seconds after which a message that still waits expires."),
    "on_uncertain": Label(
        "If the link is lost", "After the message was written: retry may send twice, hold asks you."
    ),
    "retention_sent": Label("Keep sent mail", "Days its content is kept."),
    "retention_dead": Label("Keep dead letters", "Days their content is kept."),
    "retention_addresses": Label("Keep addresses", "Days addresses and subjects are kept."),
    "retention_attempts": Label("Keep attempts", "Days."),
    "retention_audit": Label("Keep the audit trail", "Days."),
    "retention_activity": Label("Keep activity", "Days transcripts are kept."),
    "activity_log": Label(
        "Record activity", "All of it, only what failed and how sessions began, or nothing."
    ),
}


def label_of(name: str) -> Label:
    """Return the words of a field; a new one gets its name as people write it."""
    known = LABELS.get(name)
    return known or Label(name.replace("_", " ").capitalize())
