"""The app's database: tables, outbox, queue, settings, secrets.

Mail comes in by ``outbox`` (``joining``, ``admission``, ``inserts``). A worker takes it by
``claims`` (``taking``), with the slots of ``quotas``, and writes ``results``, which ``journal``
keeps while the database is away; ``parking`` holds what waits, ``rescue`` takes back what the dead
had, ``health`` and ``workers`` are what workers know of servers and of each other. People see mail
by ``listing`` and ``summary``, and change it by ``queue``. ``settings`` come from
``setting_rows``, ``surroundings``, ``vault`` and ``keyfile``. All of them stand on ``models``,
``database``, ``clock``, ``transitions``, ``standing`` and ``bulk``.
"""
