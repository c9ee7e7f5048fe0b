"""The URL table: every address of the pages with the right that it needs.

A route cannot be registered any other way, so none can be left without a right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from flask_smtpadmin.web import (
    activity,
    audit,
    bulk,
    deliverability,
    export,
    failures,
    find,
    health,
    inbox,
    message,
    messages,
    overview,
    preview,
    server_delete,
    server_list,
    server_pages,
    settings,
    test,
    type_page,
    type_preview,
    types,
    verbs,
)
from flask_smtpadmin.web.access import Right


@dataclass(frozen=True, slots=True)
class Route:
    """One address: ``right`` "public" lets everybody in; ``view`` gives its name to the endpoint.

    ``method`` is what the address answers to besides what Flask adds (HEAD, OPTIONS).
    """

    rule: str
    view: Callable[..., Any]
    right: Right | Literal["public"]
    method: Literal["GET", "POST"] = "GET"

    @property
    def endpoint(self) -> str:
        """The name for ``url_for``: that of the view."""
        return self.view.__name__


ROUTES: Final = (
    Route("/", overview.overview, "view"),
    Route("/failures/<cause>", failures.failure, "view"),
    Route("/failures/<cause>/replay", failures.failure_replay, "operate", "POST"),
    Route("/messages", messages.messages, "view"),
    Route("/messages/<int:number>", message.message, "view"),
    Route("/messages/<int:number>/html", preview.message_html, "read_content"),
    Route("/messages/<int:number>/source", preview.message_source, "read_content"),
    Route(
        "/messages/<int:number>/attachments/<int:part>", preview.message_attachment, "read_content"
    ),
    Route("/messages/<int:number>/retry", verbs.message_retry, "operate", "POST"),
    Route("/messages/<int:number>/cancel", verbs.message_cancel, "operate", "POST"),
    Route("/messages/<int:number>/mark-sent", verbs.message_mark_sent, "operate", "POST"),
    Route("/messages/<int:number>/delete", verbs.message_delete, "configure", "POST"),
    Route("/messages/<int:number>/send-via", verbs.message_send_via, "operate", "POST"),
    Route("/messages/<int:number>/resend", verbs.message_resend, "operate", "POST"),
    Route("/messages/bulk", bulk.messages_bulk, "operate", "POST"),
    Route("/messages/jobs/<job>", bulk.messages_job, "view"),
    Route("/messages/jobs/<job>/cancel", bulk.messages_job_cancel, "operate", "POST"),
    Route("/messages/jobs/<job>/continue", bulk.messages_job_continue, "operate", "POST"),
    Route("/messages/export.csv", export.messages_csv, "view"),
    Route("/messages/export.json", export.messages_json, "view"),
    Route("/inbox", inbox.inbox, "view"),
    Route("/inbox/<int:number>", inbox.inbox_message, "view"),
    Route("/inbox/<int:number>/release", inbox.inbox_release, "operate", "POST"),
    Route("/pause", verbs.pause_all, "operate", "POST"),
    Route("/resume", verbs.resume_all, "operate", "POST"),
    Route("/adopt", verbs.adopt, "configure", "POST"),
    Route("/servers", server_list.servers, "view"),
    Route("/servers/new", server_pages.server_new, "configure"),
    Route("/servers/new", server_pages.server_create, "configure", "POST"),
    Route("/servers/new/test", server_pages.server_new_test, "configure", "POST"),
    Route("/servers/find", find.server_find, "configure"),
    Route("/servers/find", find.server_find_run, "configure", "POST"),
    Route("/servers/find/use", find.server_find_use, "configure", "POST"),
    Route("/servers/<key>", server_pages.server, "view"),
    Route("/servers/<key>", server_pages.server_save, "configure", "POST"),
    Route("/servers/<key>/test", server_pages.server_test, "configure", "POST"),
    Route("/servers/<key>/delete", server_delete.server_delete_ask, "configure"),
    Route("/servers/<key>/delete", server_delete.server_delete, "configure", "POST"),
    Route("/servers/<key>/move", server_list.server_move, "configure", "POST"),
    Route("/servers/<key>/pause", server_list.server_pause, "operate", "POST"),
    Route("/servers/<key>/resume", server_list.server_resume, "operate", "POST"),
    Route("/settings", settings.settings, "view"),
    Route("/settings", settings.settings_save, "configure", "POST"),
    Route("/deliverability", deliverability.deliverability, "view"),
    Route("/deliverability", deliverability.deliverability_check, "operate", "POST"),
    Route("/deliverability/forget", deliverability.deliverability_forget, "operate", "POST"),
    Route("/test", test.test, "view"),
    Route("/test", test.test_run, "operate", "POST"),
    Route("/test/<batch>", test.test_result, "view"),
    Route("/test/<batch>/cancel", test.test_cancel, "operate", "POST"),
    Route("/test/<batch>/report.txt", test.test_report, "view"),
    Route("/types", types.types, "view"),
    Route("/types/<name>", type_page.type_page, "view"),
    Route("/types/<name>", type_page.type_save, "configure", "POST"),
    Route("/types/<name>/switch", types.type_switch, "configure", "POST"),
    Route("/types/<name>/reset", type_page.type_reset, "configure", "POST"),
    Route("/types/<name>/restore", type_page.type_restore, "configure", "POST"),
    Route("/types/<name>/preview", type_preview.type_preview, "view"),
    Route("/types/<name>/preview", type_preview.type_preview_typed, "configure", "POST"),
    Route("/types/<name>/test", type_preview.type_test, "operate", "POST"),
    Route("/activity", activity.activity, "view"),
    Route("/activity/download", activity.activity_download, "privacy"),
    Route("/activity/<session>", activity.activity_session, "view"),
    Route("/audit", audit.audit, "view"),
    Route("/audit/export", audit.audit_export, "view"),
    Route("/healthz", health.healthz, "public"),
    Route("/<path:rest>", health.elsewhere, "view"),
)

#: endpoint -> right; the blueprint's own static files hold nothing to hide.
RIGHT_OF: Final[dict[str, Right | Literal["public"]]] = {
    "static": "public",
    **{route.endpoint: route.right for route in ROUTES},
}
