"""People, the workspaces they share, the notes in them and the invitations to them.

The classes have a typed base of their own that shares ``db.metadata``; ``class User(db.Model)``
works just as well. Times are naive UTC.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import sqlalchemy as sa
from flask_login import UserMixin
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from example_app.extensions import db


def now() -> datetime:
    """Return the time as the tables hold it: naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def normalise(email: str) -> str:
    """Return ``email`` as accounts are looked up by: trimmed and in lower case."""
    return email.strip().lower()


class Base(DeclarativeBase):
    """The app's tables, in the metadata that ``db.create_all()`` and Flask-Migrate see."""

    metadata = db.metadata


class User(UserMixin, Base):
    """A person who can sign in."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(sa.String(320), unique=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    is_admin: Mapped[bool] = mapped_column(default=False)
    #: counts used magic links, so that each works once
    magic_links_used: Mapped[int] = mapped_column(default=0)
    #: attempts to sign in that failed, since the last that did not
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column()
    wants_digest: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    memberships: Mapped[list[Membership]] = relationship(back_populates="user")

    def set_password(self, password: str) -> None:
        """Store the hash of ``password``; sessions and reset links made before it end.

        So does a lock: whoever sets a new one has read the person's mail.
        """
        self.password_hash = generate_password_hash(password)
        self.failed_sign_ins, self.locked_until = 0, None

    def has_password(self, password: str) -> bool:
        """Say whether ``password`` is the right one."""
        return check_password_hash(self.password_hash, password)

    @property
    def password_mark(self) -> str:
        """Sixteen hex digits that change with the password and tell nothing about it."""
        return hashlib.sha256(self.password_hash.encode()).hexdigest()[:16]

    def get_id(self) -> str:
        """Return what the session remembers; a new password signs other sessions out."""
        return f"{self.id}:{self.password_mark}"


class Workspace(Base):
    """A place where a team keeps its notes."""

    __tablename__ = "workspace"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[datetime] = mapped_column(default=now)

    memberships: Mapped[list[Membership]] = relationship(back_populates="workspace")
    notes: Mapped[list[Note]] = relationship(back_populates="workspace", order_by="Note.id.desc()")
    invitations: Mapped[list[Invitation]] = relationship(back_populates="workspace")


class Membership(Base):
    """A person's place in a workspace."""

    __tablename__ = "membership"

    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspace.id"), primary_key=True)

    user: Mapped[User] = relationship(back_populates="memberships")
    workspace: Mapped[Workspace] = relationship(back_populates="memberships")


class Note(Base):
    """A few lines that the whole workspace can read."""

    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspace.id"), index=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    text: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    workspace: Mapped[Workspace] = relationship(back_populates="notes")
    author: Mapped[User] = relationship()


class Invitation(Base):
    """An open door to a workspace, for whoever holds the link that was mailed to ``email``."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(sa.ForeignKey("workspace.id"), index=True)
    email: Mapped[str] = mapped_column(sa.String(320))
    invited_by_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    accepted_at: Mapped[datetime | None] = mapped_column()

    workspace: Mapped[Workspace] = relationship(back_populates="invitations")
    invited_by: Mapped[User] = relationship()


class DataExport(Base):
    """A copy of what the app keeps about a person, to be fetched within a week."""

    __tablename__ = "data_export"

    DAYS: ClassVar = 7

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id"))
    content: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship()

    @property
    def ends_at(self) -> datetime:
        """When it cannot be fetched any more."""
        return self.created_at + timedelta(days=self.DAYS)

    @property
    def file_name(self) -> str:
        """What the file is called on the person's computer."""
        return f"tidepool-{self.created_at:%Y-%m-%d}.json"
