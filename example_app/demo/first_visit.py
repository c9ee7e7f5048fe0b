"""Tidepool on its first day: no mail server, one mail that waits, and a provider to find."""

from __future__ import annotations

from example_app.demo.provider import provider
from example_app.demo.seed import seed_first_visit
from example_app.demo.supervisor import Demo
from flask_smtpadmin.state import current_state


class FirstVisit(Demo):
    """The demo with nothing set up; its only DNS is that of the provider."""

    app = "example_app.demo.enclosed:create_app"

    def furnish(self) -> None:
        """Start the provider and store the one mail."""
        running = self.stack.enter_context(provider(self.mailbox, self.folder))
        self.fill(seed_first_visit)
        self.config["DNS_SERVER"] = "{}:{}".format(*running.name_server)
        self.config["SMTPADMIN_CA_FILE"] = running.ca_file

    def worker_answers(self) -> bool:
        """Say whether a worker has been heard of."""
        with self.here.app_context():
            return any(worker.live for worker in current_state().summary.workers())
