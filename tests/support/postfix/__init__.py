"""A private Postfix with as many smtpd services as a test wants, each on a port of its own."""

from __future__ import annotations

from support.postfix.instance import Postfix
from support.postfix.scenarios import POLICY, SCENARIOS, SERVICES, Scenario

__all__ = ["POLICY", "SCENARIOS", "SERVICES", "Postfix", "Scenario"]
