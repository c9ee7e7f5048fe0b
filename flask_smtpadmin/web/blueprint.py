"""The blueprint of the pages: the URL table, one gate before it, headers after it."""

from __future__ import annotations

from flask import Blueprint
from sqlalchemy.exc import InternalError, OperationalError

from flask_smtpadmin.core.errors import SMTPAdminError
from flask_smtpadmin.web import errors, formats
from flask_smtpadmin.web.assets import static
from flask_smtpadmin.web.gate import check_request, stand_aside
from flask_smtpadmin.web.headers import secure
from flask_smtpadmin.web.render import page_globals
from flask_smtpadmin.web.routes import ROUTES


def create_blueprint(prefix: str) -> Blueprint:
    """Build the blueprint ``smtpadmin`` with all pages under ``prefix`` ("/admin/email").

    Templates stand under ``smtpadmin/`` and each can be replaced by a file of the same name in
    the app's own template folder.
    """
    blueprint = Blueprint(
        "smtpadmin",
        __name__,
        url_prefix=prefix,
        template_folder="templates",
    )
    blueprint.add_url_rule("/static/<filename>", "static", static)
    for route in ROUTES:
        blueprint.add_url_rule(route.rule, route.endpoint, route.view, methods=[route.method])
    blueprint.url_value_preprocessor(stand_aside)
    blueprint.before_request(check_request)
    blueprint.after_request(secure)
    blueprint.context_processor(page_globals)
    for name, function in formats.FILTERS.items():
        blueprint.add_app_template_filter(function, name)
    blueprint.register_error_handler(SMTPAdminError, errors.own_error)
    blueprint.register_error_handler(OperationalError, errors.database_error)
    blueprint.register_error_handler(InternalError, errors.database_error)
    for status in (400, 403, 404, 405):
        blueprint.register_error_handler(status, errors.http_error)
    return blueprint
