"""``python -m example_app.demo``: Tidepool with everything it needs, in one command.

One parent process (``supervisor.py``) runs a mail catcher with an inbox page and starts the queue
server, ``flask smtp-worker`` and the web app as children. All data live in a temporary folder.
"""
