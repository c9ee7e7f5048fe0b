"""The forms of the app; each carries a CSRF token (Flask-WTF)."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, PasswordField, StringField, TextAreaField
from wtforms.validators import DataRequired, Email, EqualTo, Length, Regexp

MIN_PASSWORD = 10
#: Names show up in mails to others, where an address in them would become a link.
NO_ADDRESS = Regexp(r"(?i)(?!.*(?://|www\.))", message="A name without an address in it, please.")


class SignUpForm(FlaskForm):
    """A new account."""

    name = StringField("Your name", [DataRequired(), Length(max=80), NO_ADDRESS])
    email = EmailField("E-mail address", [DataRequired(), Email(), Length(max=320)])
    password = PasswordField("Password", [DataRequired(), Length(MIN_PASSWORD, 200)])


class LogInForm(FlaskForm):
    """Address and password."""

    email = EmailField("E-mail address", [DataRequired(), Length(max=320)])
    password = PasswordField("Password", [DataRequired(), Length(max=200)])
    remember = BooleanField("Stay signed in on this computer")


class EmailForm(FlaskForm):
    """Where to send a link."""

    email = EmailField("E-mail address", [DataRequired(), Email(), Length(max=320)])


class NewPasswordForm(FlaskForm):
    """The new password, typed twice."""

    password = PasswordField("New password", [DataRequired(), Length(MIN_PASSWORD, 200)])
    again = PasswordField("The same again", [EqualTo("password", "The two differ.")])


class DigestForm(FlaskForm):
    """Whether a person wants the digest."""

    wants_digest = BooleanField("Once a day, what others wrote in my workspaces")


class WorkspaceForm(FlaskForm):
    """A new workspace."""

    name = StringField("Name of the workspace", [DataRequired(), Length(max=80), NO_ADDRESS])


class NoteForm(FlaskForm):
    """A new note."""

    text = TextAreaField("New note", [DataRequired(), Length(max=4000)])
