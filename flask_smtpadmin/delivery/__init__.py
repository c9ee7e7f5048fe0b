"""From due rows to replies: the engine, which server, what a failure means, the diagnosis."""
