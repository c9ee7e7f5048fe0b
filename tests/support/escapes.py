"""Published ways out of a template sandbox, each as somebody would type it into a template.

``VALUES`` is what the templates are given; each entry of ``ESCAPES`` is (what it tries, template).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

VALUES: Final[dict[str, Any]] = {
    "name": "Ada",
    "count": 3,
    "order": {"total": 9.5, "items": "two"},
    "rows": [{"title": "a"}, {"title": "b"}],
    "at": datetime(2026, 11, 29, 14, 5, tzinfo=UTC),
    "html": Markup("<b>x</b>"),
}

_IN_LOOP: Final = "{{% for row in rows %}}{}{{% endfor %}}".format

#: Classics of server-side template injection.
_OBJECTS: Final = [
    ("the class tree", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
    ("the class tree by item", "{{ ''['__class__']['__mro__'] }}"),
    ("the class of a value", "{{ name.__class__ }}"),
    ("the class of a list", "{{ [].__class__.__base__ }}"),
    ("the class of a number", "{{ (1).__class__ }}"),
    ("the class of true", "{{ true.__class__ }}"),
    ("the class of a dict", "{{ {}.__class__ }}"),
    ("the class of HTML", "{{ html.__html__ }}"),
    ("an escaped name", r"{{ name['\x5f\x5fclass\x5f\x5f'] }}"),
    ("a name in Unicode escapes", r"{{ name['\u005f\u005fclass__'] }}"),
    ("a name that is put together", "{{ name['__cla' ~ 'ss__'] }}"),
    ("a name that is joined", "{{ name[['__cla', 'ss__']|join] }}"),
    ("a name that is replaced", "{{ name['xxclassxx'|replace('xx', '__')] }}"),
    ("a name in a variable", "{% set a = '_' ~ '_class__' %}{{ order[a] }}"),
    ("a name in reverse", "{{ order['__ssalc__'|reverse] }}"),
    ("attr", "{{ ''|attr('__class__') }}"),
    ("attr of a parent", r"{{ ()|attr('\x5f\x5fclass')|attr('mro') }}"),
    ("attr by map", "{{ rows|map(attribute='__class__')|list }}"),
    ("attr by map and attr", "{{ rows|map('attr', '__class__')|list }}"),
    ("attr by select", "{{ rows|selectattr('__class__') }}"),
    ("attr by reject", "{{ rows|rejectattr('__class__') }}"),
    ("attr by group", "{{ rows|groupby('__class__') }}"),
    ("attr by sort", "{{ rows|sort(attribute='__class__') }}"),
    ("attr by sum", "{{ rows|sum(attribute='__class__') }}"),
    ("attr by unique", "{{ rows|unique(attribute='__class__') }}"),
    ("attr by join", "{{ rows|join(', ', attribute='__class__') }}"),
    ("a global by undefined", "{{ nothing.__init__.__globals__ }}"),
    ("a global by a missing part", "{{ order.nope.__init__.__globals__ }}"),
    ("the frame of a generator", "{{ (rows|reverse).gi_frame.f_back }}"),
    ("a method of a list", "{{ rows.append }}"),
    ("a method of a date", "{{ at.tzinfo }}"),
    ("a method of a number", "{{ count.real }}"),
]
#: CVE-2016-10745, CVE-2019-10906, CVE-2024-56326, CVE-2025-27516: text that formats.
_FORMATS: Final = [
    ("format", "{{ '{0.__class__}'.format(name) }}"),
    ("format_map", "{{ '{a.__class__}'.format_map(order) }}"),
    ("a reference to format", "{% set f = '{0.__class__}'.format %}{{ f(name) }}"),
    ("format by attr", "{{ ('{0.__class__}'|attr('format'))(name) }}"),
    ("format by map", "{{ ['{0.__class__}']|map('format', name)|list }}"),
    ("format by item", "{{ '{0.__class__}'['format'](name) }}"),
    ("the filter format", "{{ '%s'|format(name) }}"),
    ("percent", "{{ '%(total)s' % order }}"),
    ("format of HTML", "{{ html.format(name) }}"),
]
#: Names that some environment brings along.
_GLOBALS: Final = [
    ("cycler", "{{ cycler.__init__.__globals__.os.popen('id').read() }}"),
    ("joiner", "{{ joiner.__init__.__globals__ }}"),
    ("namespace", "{{ namespace.__init__.__globals__ }}"),
    ("lipsum", "{{ lipsum.__globals__['os'] }}"),
    ("lipsum, called", "{{ lipsum(n=1000) }}"),
    ("range", "{% for i in range(10) %}x{% endfor %}"),
    ("dict", "{{ dict(a=1) }}"),
    ("self", "{{ self }}"),
    ("the context in self", "{{ self._TemplateReference__context }}"),
    ("caller", "{{ caller() }}"),
    ("varargs", "{{ varargs }}"),
    ("kwargs", "{{ kwargs }}"),
    ("super", "{{ super() }}"),
    ("context", "{{ context.environment }}"),
    ("environment", "{{ environment.filters }}"),
    ("config", "{{ config.SECRET_KEY }}"),
    ("items of config", "{{ config.items() }}"),
    ("request", "{{ request.application.__globals__ }}"),
    ("session", "{{ session }}"),
    ("g", "{{ g.pop.__globals__ }}"),
    ("url_for", "{{ url_for.__globals__.current_app.config }}"),
    ("get_flashed_messages", "{{ get_flashed_messages.__globals__ }}"),
    ("the database of Frappe", "{{ frappe.db.sql('select 1') }}"),
    ("the environment of listmonk", "{{ env('DB_PASSWORD') }}"),
    ("os", "{{ os.environ }}"),
    ("a settings module", "{{ settings.SECRET_KEY }}"),
]
#: What runs, loads or defines something.
_STATEMENTS: Final = [
    ("import", "{% import 'os' as os %}"),
    ("from import", "{% from 'os' import popen %}"),
    ("include", "{% include '/etc/passwd' %}"),
    ("include of a value", "{% include name ignore missing %}"),
    ("extends", "{% extends name %}"),
    ("block", "{% block a %}{{ self.a() }}{% endblock %}"),
    ("macro", "{% macro a() %}x{% endmacro %}{{ a.__globals__ }}"),
    ("call", "{% call name() %}x{% endcall %}"),
    ("filter block", "{% filter upper %}{{ name }}{% endfilter %}"),
    ("set block", "{% set a %}{{ name }}{% endset %}"),
    ("with", "{% with a = 1 %}{{ a }}{% endwith %}"),
    ("autoescape", "{% autoescape false %}{{ name }}{% endautoescape %}"),
    ("do", "{% do rows.append(1) %}"),
    ("debug", "{% debug %}"),
    ("an attribute that is set", "{% set order.total = 1 %}"),
    ("a loop that calls itself", "{% for a in rows recursive %}{{ loop(rows) }}{% endfor %}"),
    ("a method", "{{ name.upper() }}"),
    ("a change of a list", "{{ rows.append(1) }}"),
    ("a change of a dict", "{{ order.update(total=1) }}"),
    ("a call of a value", "{{ name() }}"),
    ("arguments from a list", "{{ name|default(*rows) }}"),
    ("arguments from a dict", "{{ name|truncate(**order) }}"),
    ("a filter by test", "{{ 'attr' is filter }}"),
    ("callable", "{{ name is callable }}"),
    ("sameas", "{{ name is sameas name }}"),
    ("safe", "{{ name|safe }}"),
    ("tojson", "{{ order|tojson }}"),
    ("pprint", "{{ order|pprint }}"),
    ("xmlattr", "{{ order|xmlattr }}"),
    ("random", "{{ rows|random }}"),
    ("a list as it is", "{{ rows }}"),
    ("the class of a loop", _IN_LOOP("{{ loop.__class__ }}")),
    ("the list of a loop", _IN_LOOP("{{ loop._iterable }}")),
    ("a loop as it is", _IN_LOOP("{{ loop }}")),
    ("a loop by item", _IN_LOOP("{{ loop['index'] }}")),
    ("a loop in a name", _IN_LOOP("{% set a = loop %}{{ a._iterable }}")),
    ("a method of a loop", _IN_LOOP("{{ loop.cycle('a', 'b') }}")),
    ("a loop as a name", "{% set loop = 1 %}"),
    (
        "letters that Python folds",
        "{% set \uff53\uff45\uff4c\uff46 = 1 %}{{ \uff53\uff45\uff4c\uff46 }}",
    ),
    ("a line below that Python folds", "{% set \uff3fa = 1 %}{{ \uff3fa }}"),
    ("a long s that Python folds", "{% for \u017felf in rows %}{{ \u017felf }}{% endfor %}"),
    ("a name of ours", "{% set _meter = 1 %}{{ _meter }}"),
    ("an operation of ours", "{{ name|{} }}"),
]
ESCAPES: Final = [*_OBJECTS, *_FORMATS, *_GLOBALS, *_STATEMENTS]
