"""django-post_office: ``fill N`` or ``many N`` (a timed ``send_many``); its command delivers.

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


if __name__ == "__main__":
    verb, number = sys.argv[1], int(sys.argv[2])
    call_command("migrate", verbosity=0)
    if verb == "many":
        fill(10)  # what is done once is not counted
    began = time.perf_counter()
    fill(number)
    print(json.dumps({"seconds": time.perf_counter() - began}))
