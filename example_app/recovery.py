"""Ways in without the password: a reset link and a magic link.

Both forms answer the same whether the account exists or not, and a link changes nothing by being
opened: mail scanners open links too.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import login_user
from werkzeug.wrappers import Response

from example_app.devices import device
from example_app.extensions import db
from example_app.forms import EmailForm, NewPasswordForm
from example_app.mails import send_magic_link, send_password_reset
from example_app.models import User, normalise
from example_app.tokens import spend_magic_link, user_of_magic_link, user_of_password_reset

blueprint = Blueprint("recovery", __name__)


@blueprint.route("/forgot-password", methods=["GET", "POST"])
def forgot_password() -> str | Response:
    """Ask for a mail with a link that sets a new password."""
    form = EmailForm()
    if form.validate_on_submit():
        user = _account(form)
        if user is not None:
            send_password_reset(user, device())
        return _check_your_inbox()
    return render_template("accounts/forgot_password.html", form=form)


@blueprint.route("/set-password/<token>", methods=["GET", "POST"])
def set_password(token: str) -> str | Response:
    """Set the new password; the link ends with it."""
    user = user_of_password_reset(token)
    if user is None:
        return _link_is_over("recovery.forgot_password")
    form = NewPasswordForm()
    if form.validate_on_submit():
        user.set_password(form.password.data)
        db.session.commit()
        flash("Your new password is set. Sign in with it.")
        return redirect(url_for("accounts.log_in"))
    return render_template("accounts/set_password.html", form=form, user=user)


@blueprint.route("/magic-link", methods=["GET", "POST"])
def magic_link() -> str | Response:
    """Ask for a mail with a link that signs in."""
    form = EmailForm()
    if form.validate_on_submit():
        user = _account(form)
        if user is not None:
            send_magic_link(user, device())
        return _check_your_inbox()
    return render_template("accounts/magic_link.html", form=form)


@blueprint.get("/magic-link/<token>")
def use_magic_link(token: str) -> str | Response:
    """Show the button that signs in."""
    user = user_of_magic_link(token)
    if user is None:
        return _link_is_over("recovery.magic_link")
    return render_template("accounts/use_magic_link.html", user=user)


@blueprint.post("/magic-link/<token>")
def spend(token: str) -> Response:
    """Sign in and use the link up."""
    user = spend_magic_link(token)
    if user is None:
        return _link_is_over("recovery.magic_link")
    login_user(user)
    return redirect(url_for("workspaces.index"))


def _account(form: EmailForm) -> User | None:
    email = normalise(form.email.data)
    return db.session.query(User).filter_by(email=email).one_or_none()


def _check_your_inbox() -> Response:
    flash("If there is an account with this address, a mail with a link is on its way.")
    return redirect(url_for("accounts.log_in"))


def _link_is_over(endpoint: str) -> Response:
    flash("This link was used already or is too old. Ask for a new one.")
    return redirect(url_for(endpoint))
