"""What others wrote in a day, for each person who wants to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from example_app.extensions import db
from example_app.links import link
from example_app.models import Note, User, Workspace

_TITLE = 70  # characters of a note that its line in the digest shows


def digests(since: datetime) -> dict[User, list[dict[str, Any]]]:
    """Return the groups of each person's digest; nobody for whom there is nothing new."""
    people = db.session.query(User).filter_by(wants_digest=True)
    found = {user: _groups(user, since) for user in people}
    return {user: groups for user, groups in found.items() if groups}


def _groups(user: User, since: datetime) -> list[dict[str, Any]]:
    groups = []
    for membership in user.memberships:
        workspace = membership.workspace
        news = [
            _entry(note, workspace)
            for note in workspace.notes
            if note.created_at >= since and note.author_id != user.id
        ]
        if news:
            groups.append({"title": workspace.name, "entries": news})
    return groups


def _entry(note: Note, workspace: Workspace) -> dict[str, str]:
    title = note.text.strip().partition("\n")[0]
    return {
        "title": title if len(title) <= _TITLE else title[: _TITLE - 1].rstrip() + "…",
        "detail": f"{note.author.name}, {note.created_at:%H:%M} UTC",
        "link": link("workspaces.show", workspace_id=workspace.id),
    }
