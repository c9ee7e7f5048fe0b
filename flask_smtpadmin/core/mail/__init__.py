"""From a message as an app writes it to bytes: the parts of RFC 5322, MIME and the addresses.

``message`` is what apps write; ``draft`` and ``foreign`` read it (Flask-Mail's and the standard
library's too); ``address`` and ``headers`` check; ``parts`` and ``mime`` render, once.
"""
