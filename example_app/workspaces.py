"""Workspaces, their notes, and the way in by invitation."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import login_required
from werkzeug.wrappers import Response

from example_app.access import signed_in
from example_app.extensions import db
from example_app.forms import EmailForm, NoteForm, WorkspaceForm
from example_app.mails import send_invitation
from example_app.models import Invitation, Membership, Note, Workspace, normalise, now
from example_app.tokens import invitation_of

blueprint = Blueprint("workspaces", __name__)


@blueprint.get("/")
@login_required
def index() -> str:
    """List the workspaces of the person who is signed in."""
    found = [membership.workspace for membership in signed_in().memberships]
    return render_template("workspaces/index.html", workspaces=found, form=WorkspaceForm())


@blueprint.post("/workspaces")
@login_required
def create() -> Response:
    """Open a workspace."""
    form = WorkspaceForm()
    if not form.validate_on_submit():
        flash("A workspace needs a name of at most 80 characters, without an address in it.")
        return redirect(url_for("workspaces.index"))
    workspace = Workspace(name=form.name.data.strip())
    workspace.memberships.append(Membership(user_id=signed_in().id))
    db.session.add(workspace)
    db.session.commit()
    return redirect(url_for("workspaces.show", workspace_id=workspace.id))


@blueprint.get("/workspaces/<int:workspace_id>")
@login_required
def show(workspace_id: int) -> str:
    """Show the notes and the people of a workspace."""
    workspace = _own(workspace_id)
    return render_template(
        "workspaces/show.html", workspace=workspace, note=NoteForm(), invite=EmailForm()
    )


@blueprint.post("/workspaces/<int:workspace_id>/notes")
@login_required
def add_note(workspace_id: int) -> Response:
    """Add a note."""
    workspace = _own(workspace_id)
    form = NoteForm()
    if form.validate_on_submit():
        note = Note(workspace_id=workspace.id, author_id=signed_in().id, text=form.text.data)
        db.session.add(note)
        db.session.commit()
    else:
        flash("A note needs between 1 and 4,000 characters.")
    return redirect(url_for("workspaces.show", workspace_id=workspace_id))


@blueprint.post("/workspaces/<int:workspace_id>/invitations")
@login_required
def invite(workspace_id: int) -> Response:
    """Invite an address; invitation and mail are stored in one transaction, or neither is."""
    workspace = _own(workspace_id)
    form = EmailForm()
    if form.validate_on_submit():
        email = normalise(form.email.data)
        _invite(workspace, email)
        flash(f"{email} is invited.")
    else:
        flash("That is not an e-mail address.")
    return redirect(url_for("workspaces.show", workspace_id=workspace_id))


@blueprint.get("/invitations/<token>")
def invitation(token: str) -> str | Response:
    """Show who invites to what; signed-out visitors are offered to sign in or up."""
    found = invitation_of(token)
    if found is None:
        return _invitation_is_over()
    return render_template("workspaces/invitation.html", invitation=found, token=token)


@blueprint.post("/invitations/<token>")
@login_required
def accept(token: str) -> Response:
    """Join the workspace."""
    found = invitation_of(token)
    if found is None:
        return _invitation_is_over()
    if not _is_member(found.workspace_id):
        db.session.add(Membership(user_id=signed_in().id, workspace_id=found.workspace_id))
    found.accepted_at = now()
    db.session.commit()
    return redirect(url_for("workspaces.show", workspace_id=found.workspace_id))


def _invite(workspace: Workspace, email: str) -> None:
    found = (
        db.session.query(Invitation)
        .filter_by(workspace_id=workspace.id, email=email, accepted_at=None)
        .one_or_none()
    )
    if found is None:
        found = Invitation(workspace=workspace, email=email, invited_by_id=signed_in().id)
        db.session.add(found)
        db.session.flush()
    send_invitation(found)
    db.session.commit()


def _own(workspace_id: int) -> Workspace:
    """Return the workspace; 404 also when it exists but belongs to others."""
    if not _is_member(workspace_id):
        abort(404)
    return db.get_or_404(Workspace, workspace_id)


def _is_member(workspace_id: int) -> bool:
    return db.session.get(Membership, (signed_in().id, workspace_id)) is not None


def _invitation_is_over() -> Response:
    flash("This invitation was accepted already or is too old. Ask for a new one.")
    return redirect(url_for("workspaces.index"))
