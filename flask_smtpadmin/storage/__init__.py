"""The app's database: tables, outbox, queue, settings, secrets."""
