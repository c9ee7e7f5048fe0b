"""The Flask extensions of the app, made once and bound to each app by the factory."""

from __future__ import annotations

from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from flask_smtpadmin import SMTPAdmin

db = SQLAlchemy()
mail = SMTPAdmin()
mail.use_standard_types()
login_manager = LoginManager()
csrf = CSRFProtect()
