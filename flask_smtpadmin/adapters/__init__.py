"""Drop-in replacements: what an app uses for its mail today, delivered through the queue.

Nothing here is imported by the rest of the package; a module asks for the package that it stands
in for, and says so when that is not installed.
"""
