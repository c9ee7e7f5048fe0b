"""Sign up, sign in, sign out."""

from __future__ import annotations

from functools import cache

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import login_required, login_user, logout_user
from sqlalchemy.exc import IntegrityError
from werkzeug.security import check_password_hash, generate_password_hash
from werkzeug.wrappers import Response

from example_app.extensions import db
from example_app.forms import LogInForm, SignUpForm
from example_app.links import next_page
from example_app.lockout import count_failure, forget_failures, is_locked
from example_app.mails import send_welcome
from example_app.models import User, normalise

blueprint = Blueprint("accounts", __name__)


@blueprint.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> str | Response:
    """Make an account and sign it in; the welcome mail is part of the same transaction."""
    form = SignUpForm()
    if form.validate_on_submit():
        user = User(email=normalise(form.email.data), name=form.name.data.strip())
        user.set_password(form.password.data)
        if _add(user):
            login_user(user)
            flash(f"Welcome, {user.name}. A mail is on its way to you.")
            return redirect(next_page("workspaces.index"))
        form.email.errors = ["There is an account with this address already."]
    return render_template("accounts/sign_up.html", form=form)


@blueprint.route("/log-in", methods=["GET", "POST"])
def log_in() -> str | Response:
    """Sign in with address and password; after ten wrong ones the account is locked a while."""
    form = LogInForm()
    if form.validate_on_submit():
        user = _find(form.email.data, form.password.data)
        if user is not None:
            login_user(user, remember=form.remember.data)
            return redirect(next_page("workspaces.index"))
        form.password.errors = ["Address and password do not match an account."]
    return render_template("accounts/log_in.html", form=form)


@blueprint.post("/log-out")
@login_required
def log_out() -> Response:
    """End the session."""
    logout_user()
    flash("You are signed out.")
    return redirect(url_for("accounts.log_in"))


def _add(user: User) -> bool:
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:
        db.session.rollback()
        return False
    send_welcome(user)
    db.session.commit()
    return True


def _find(email: str, password: str) -> User | None:
    user = db.session.query(User).filter_by(email=normalise(email)).one_or_none()
    if user is None:
        check_password_hash(_nobodys_hash(), password)
        return None
    right = user.has_password(password)
    if is_locked(user):
        return None
    if not right:
        count_failure(user, request.remote_addr or "")
        return None
    forget_failures(user)
    return user


@cache
def _nobodys_hash() -> str:
    """Return what is compared when there is no such account: the answer takes as long."""
    return generate_password_hash("nobody has this password")
