"""django-post_office: ``fill N``, and ``many N`` or ``typed N``, a timed ``send_many``.

``typed`` uses a stored template with values of everybody's own.
Delivery is its own ``send_queued_mail``, started by ``python -m django``.
"""

from __future__ import annotations

import json
import os
import sys
import time

import django
from django.core.management import call_command

from benchmarks import mails

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.peers.post_office_settings")
django.setup()

from post_office import mail  # noqa: E402 - needs the settings
from post_office.models import EmailTemplate  # noqa: E402 - the same


def fill(count: int) -> None:
    """Queue ``count`` mails, 1,000 a call."""
    for start in range(0, count, 1000):
        mail.send_many(
            [
                {
                    "sender": mails.SENDER,
                    "recipients": [mails.recipient(number)],
                    "subject": mails.subject(number),
                    "message": mails.BODY,
                }
                for number in range(start, min(count, start + 1000))
            ]
        )


def typed(count: int) -> None:
    """Queue a mail of the stored template to ``count`` people in one call."""
    template = _template()
    mail.send_many(
        [
            {
                "sender": mails.SENDER,
                "recipients": [mails.recipient(number)],
                "template": template,
                "context": mails.values(number),
            }
            for number in range(count)
        ]
    )


def _template() -> EmailTemplate:
    """Return the template, stored by the first call."""
    words = {
        "subject": mails.TEMPLATE_SUBJECT,
        "content": mails.TEMPLATE_TEXT,
        "html_content": mails.TEMPLATE_HTML,
    }
    return EmailTemplate.objects.get_or_create(name="order", defaults=words)[0]


if __name__ == "__main__":
    verb, number = sys.argv[1], int(sys.argv[2])
    call_command("migrate", verbosity=0)
    run = typed if verb == "typed" else fill
    if verb != "fill":
        run(10)  # what is done once is not counted
    began = time.perf_counter()
    run(number)
    print(json.dumps({"seconds": time.perf_counter() - began}))
