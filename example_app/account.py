"""A person's own account: the digest, and a copy of their data (GDPR, article 15)."""

from __future__ import annotations

import json

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import login_required
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from example_app.access import signed_in
from example_app.extensions import csrf, db
from example_app.forms import DigestForm
from example_app.mails import send_data_export_ready
from example_app.models import DataExport, Note, User, now
from example_app.tokens import user_of_digest_off

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.route("", methods=["GET", "POST"])
@login_required
def show() -> str | Response:
    """Show what can be chosen, and keep the choice."""
    user = signed_in()
    form = DigestForm(obj=user)
    if form.validate_on_submit():
        user.wants_digest = form.wants_digest.data
        db.session.commit()
        flash("Saved.")
        return redirect(url_for("account.show"))
    return render_template("accounts/account.html", form=form, export=FlaskForm())


@blueprint.post("/digest/off/<token>")
@csrf.exempt
def digest_off(token: str) -> str:
    """Switch the digest off with one click: a mail program posts here, and has no session."""
    user = user_of_digest_off(token)
    if user is None:
        abort(404)
    user.wants_digest = False
    db.session.commit()
    return "The digest is switched off."


@blueprint.post("/export")
@login_required
def export() -> Response:
    """Make a copy of the person's data; the mail about it is part of the same transaction."""
    user = signed_in()
    if FlaskForm().validate_on_submit():
        db.session.query(DataExport).filter_by(user_id=user.id).delete()
        made = DataExport(user=user, content=json.dumps(_data_of(user), indent=2))
        db.session.add(made)
        db.session.flush()
        send_data_export_ready(made)
        db.session.commit()
        flash("Your copy is ready; a mail with the link is on its way.")
    return redirect(url_for("account.show"))


@blueprint.get("/export/<int:export_id>")
@login_required
def download(export_id: int) -> Response:
    """Hand out a copy to the person whose data it holds, as long as it is there for."""
    found = db.session.get(DataExport, export_id)
    if found is None or found.user_id != signed_in().id or found.ends_at < now():
        abort(404)
    named = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
    return Response(found.content, mimetype="application/json", headers=named)


def _data_of(user: User) -> dict[str, object]:
    notes = db.session.query(Note).filter_by(author_id=user.id)
    return {
        "name": user.name,
        "email": user.email,
        "since": user.created_at.isoformat(),
        "workspaces": [membership.workspace.name for membership in user.memberships],
        "notes": [
            {"workspace": note.workspace.name, "at": note.created_at.isoformat(), "text": note.text}
            for note in notes
        ],
    }
