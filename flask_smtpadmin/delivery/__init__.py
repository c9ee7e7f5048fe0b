"""From due rows to replies: the engine, which server, what a failure means, the diagnosis.

On the way of a message, ``engine`` runs the cycle. It leaves to ``dispatch`` what is in hand
(``stage``: claimed, ``overflow``: waiting for one full server), to ``commits`` writing in spite of
outages, by ``writer``, one transaction at a time, and to ``ending`` the end of a run.

Where a message goes: ``fleet`` has the servers in use, ``router`` puts them in order, ``health``
tells which of them to leave alone. ``lanes`` are the connections to one server, ``ready`` what
waits for one of them, and ``envelope`` what is handed over. ``verdict`` judges what came back, and
``events`` tell it to others. ``upkeep`` is what a worker does beside all this.

Without the queue: ``now`` hands over one message at once, ``diagnose`` climbs the ``ladder`` of
checks with the ``sample`` message, both in a loop of their own (``own_loop``). ``policies`` reads
settings for both ways.
"""
