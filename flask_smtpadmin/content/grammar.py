"""The template language: which of Jinja's nodes a template may hold, and what becomes of them.

First the tree is measured, and every node is looked up in a list of those that are allowed.  Then
each expression that costs something or reaches into a value gives place to a call of our own
(``flask_smtpadmin.content.operations``).  Of Jinja's code generator only the plainest parts are
left in use: text, names, ``if``, ``for``, ``set``, ``and``, ``or``, ``not``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

from jinja2 import nodes

from flask_smtpadmin.content import refusals
from flask_smtpadmin.content.filters import FILTERS, TESTS
from flask_smtpadmin.content.fuel import DEPTH, DIGITS, LOOP_DEPTH, LOOPS, NODES, Refused
from flask_smtpadmin.content.values import out_of_reach
from flask_smtpadmin.core.words import said

#: What a loop tells of itself.
LOOP: Final = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})
#: Names that mean something to Jinja, whatever they are declared as.
_RESERVED: Final = frozenset({"caller", "context", "kwargs", "loop", "self", "super", "varargs"})
_SIGNS: Final[dict[type[nodes.Node], str]] = {
    nodes.Add: "+",
    nodes.Sub: "-",
    nodes.Mul: "*",
    nodes.Div: "/",
    nodes.FloorDiv: "//",
    nodes.Mod: "%",
    nodes.Neg: "neg -",
    nodes.Pos: "pos +",
}
_COMPARISONS: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in ",
    "notin": "not in",
}
_ALLOWED: Final = frozenset(
    {
        *(nodes.Template, nodes.Output, nodes.TemplateData),
        *(nodes.If, nodes.For, nodes.Assign),
        *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple),
        *(nodes.Getattr, nodes.Getitem, nodes.Slice),
        *(nodes.Filter, nodes.Test, nodes.Keyword),
        *(nodes.And, nodes.Or, nodes.Not, nodes.CondExpr),
        *(nodes.Compare, nodes.Operand, nodes.Concat),
        *_SIGNS,
    }
)


def translate(
    tree: nodes.Template, variables: Collection[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Check a template's tree and turn it into what may run.

    Returns the variables it uses, and the names that it gives itself with ``set``.

    Raises:
        Refused: it holds what the language lacks, names nothing, or is too large; with its line.
    """
    _measure(tree)
    translator = _Translator(variables)
    translator.block(tree.body)
    return frozenset(translator.used), frozenset(translator.named)


def _measure(tree: nodes.Template) -> None:
    # Without recursion: a chain such as a.b.b.b... is as deep as it is long.
    stack: list[tuple[nodes.Node, int, int]] = [(tree, 0, 0)]
    seen = loops = 0
    while stack:
        node, depth, inside = stack.pop()
        if type(node) not in _ALLOWED:
            raise refusals.no_syntax(node)
        seen += 1
        if isinstance(node, nodes.For):
            loops += 1
            inside += 1
        if seen > NODES or loops > LOOPS:
            raise refusals.too_large(node)
        if depth > DEPTH or inside > LOOP_DEPTH:
            raise refusals.too_deep(node)
        children = [(child, depth + 1, inside) for child in node.iter_child_nodes()]
        stack.extend(reversed(children))


class _Translator:
    """Walks through a measured tree and rewrites it."""

    def __init__(self, variables: Collection[str]) -> None:
        self._variables = frozenset(variables) - _RESERVED
        self._local: frozenset[str] = frozenset()
        self._in_loop = False
        self._steps = 0
        self.used: set[str] = set()
        self.named: set[str] = set()

    def block(self, statements: Iterable[Any]) -> None:
        for node in statements:
            self._steps += 1
            self._visitor(self._STATEMENTS, node)(node)

    def _value(self, node: Any) -> Any:
        self._steps += 1
        return self._visitor(self._EXPRESSIONS, node)(node)

    def _visitor(self, known: Mapping[type[nodes.Node], str], node: nodes.Node) -> Any:
        if type(node) not in known:
            raise refusals.no_syntax(node)
        return getattr(self, known[type(node)])

    def _output(self, node: nodes.Output) -> None:
        node.nodes = [
            child
            if isinstance(child, nodes.TemplateData)
            else _call(child, "{}", self._value(child), nodes.Const(refusals.label(child)))
            for child in node.nodes
        ]

    def _if(self, node: nodes.If) -> None:
        node.test = self._value(node.test)
        self.block(node.body)
        self.block(node.elif_)
        self.block(node.else_)

    def _set(self, node: nodes.Assign) -> None:
        if not isinstance(node.target, nodes.Name):
            raise Refused(said("`set` gives one name at a time."), line=node.lineno)
        node.node = self._value(node.node)
        self._local |= {_target(node.target)}
        self.named.add(node.target.name)

    def _for(self, node: nodes.For) -> None:
        if node.recursive:
            raise Refused(
                said("A loop cannot call itself: `recursive` is left out."), None, node.lineno
            )
        name, iterable = refusals.label(node.iter), self._value(node.iter)
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        with self._inside(frozenset(map(_target, targets))) as cost:
            if node.test is not None:
                node.test = self._value(node.test)
            self._in_loop = True
            self.block(node.body)
        with self._inside(frozenset()) as otherwise:
            self.block(node.else_)
        self._steps += otherwise[0]  # it runs as often as the loop begins
        sizes = nodes.Const(cost[0]), nodes.Const(len(targets))
        node.iter = _call(node, "for", iterable, *sizes, nodes.Const(name))

    @contextmanager
    def _inside(self, names: frozenset[str]) -> Iterator[list[int]]:
        before = self._local, self._in_loop, self._steps
        self._local, self._steps = self._local | names, 1
        cost: list[int] = []
        yield cost
        cost.append(self._steps)
        self._local, self._in_loop, self._steps = before

    def _const(self, node: nodes.Const) -> nodes.Expr:
        value = node.value
        # An infinite number would stand in the code as the name `inf`.
        endless = isinstance(value, float) and abs(value) == float("inf")
        if endless or (isinstance(value, int) and abs(value) >= 10**DIGITS):
            raise Refused(said("This number is too large for a mail."), line=node.lineno)
        return node

    def _name(self, node: nodes.Name) -> nodes.Expr:
        _check_name(node)
        if node.name in self._variables:
            self.used.add(node.name)
        elif node.name not in self._local:
            raise refusals.no_variable(node, self._variables | self._local)
        return node

    def _getattr(self, node: nodes.Getattr) -> nodes.Expr:
        if isinstance(node.node, nodes.Name) and node.node.name == "loop":
            if not self._in_loop or node.attr not in LOOP:
                raise refusals.no_loop_part(node, LOOP)
            return node
        return self._part(node, node.attr, nodes.Const(node.attr))

    def _getitem(self, node: nodes.Getitem) -> nodes.Expr:
        if isinstance(node.arg, nodes.Slice):
            return self._cut(node, node.arg)
        key = node.arg.value if isinstance(node.arg, nodes.Const) else None
        return self._part(node, key, self._value(node.arg))

    def _part(self, node: Any, key: object, place: nodes.Expr) -> nodes.Expr:
        name = refusals.label(node)
        if isinstance(key, str) and key.startswith("_"):
            refused = out_of_reach(key, name)
            raise Refused(refused.message, refused.variable, node.lineno)
        return _call(node, ".", self._value(node.node), place, nodes.Const(name))

    def _cut(self, node: nodes.Getitem, places: nodes.Slice) -> nodes.Expr:
        if places.step is not None:
            raise Refused(said("A range takes a start and an end: `[0:5]`."), line=node.lineno)
        ends = [
            nodes.Const(None) if end is None else self._value(end)
            for end in (places.start, places.stop)
        ]
        return _call(node, "[:]", self._value(node.node), *ends)

    def _list(self, node: Any) -> nodes.Expr:
        # A tuple becomes a list, too: nothing may be hashed that can hold itself many times.
        return nodes.List([self._value(item) for item in node.items], lineno=node.lineno)

    def _not(self, node: nodes.Not) -> nodes.Expr:
        node.node = self._value(node.node)
        return node

    def _either(self, node: Any) -> nodes.Expr:
        node.left, node.right = self._value(node.left), self._value(node.right)
        return node  # type: ignore[no-any-return]  # nodes of several classes come here

    def _choice(self, node: nodes.CondExpr) -> nodes.Expr:
        node.test, node.expr1 = self._value(node.test), self._value(node.expr1)
        node.expr2 = nodes.Const(None) if node.expr2 is None else self._value(node.expr2)
        return node

    def _concat(self, node: nodes.Concat) -> nodes.Expr:
        return _call(node, "~", *map(self._value, node.nodes))

    def _unary(self, node: Any) -> nodes.Expr:
        return _call(node, _SIGNS[type(node)], self._value(node.node))

    def _binary(self, node: Any) -> nodes.Expr:
        return _call(node, _SIGNS[type(node)], self._value(node.left), self._value(node.right))

    def _compare(self, node: nodes.Compare) -> nodes.Expr:
        if len(node.ops) != 1:
            raise Refused(
                said("Compare two values at a time: `a < b and b < c`."), line=node.lineno
            )
        (operand,) = node.ops
        sign = _COMPARISONS[operand.op]
        return _call(node, sign, self._value(node.expr), self._value(operand.expr))

    def _filter(self, node: nodes.Filter) -> nodes.Expr:
        if node.name not in FILTERS:
            raise refusals.no_filter(node, FILTERS)
        return self._applied(node, FILTERS[node.name])

    def _test(self, node: nodes.Test) -> nodes.Expr:
        if node.name not in TESTS:
            raise refusals.no_test(node, TESTS)
        return self._applied(node, TESTS[node.name])

    def _applied(self, node: Any, function: Callable[..., Any]) -> nodes.Expr:
        keywords = {keyword.key: keyword.value for keyword in node.kwargs}
        try:
            inspect.signature(function).bind(None, None, *node.args, **keywords)
        except TypeError:
            raise refusals.misused(node, function) from None
        if node.dyn_args is not None or node.dyn_kwargs is not None or node.node is None:
            raise refusals.misused(node, function)
        node.node = self._value(node.node)
        node.args = [nodes.ContextReference(), *map(self._value, node.args)]
        for keyword in node.kwargs:
            keyword.value = self._value(keyword.value)
        return node  # type: ignore[no-any-return]  # nodes of several classes come here

    _STATEMENTS: ClassVar[Mapping[type[nodes.Node], str]] = {
        nodes.Output: "_output",
        nodes.If: "_if",
        nodes.For: "_for",
        nodes.Assign: "_set",
    }
    _EXPRESSIONS: ClassVar[Mapping[type[nodes.Node], str]] = {
        **dict.fromkeys(_SIGNS, "_binary"),
        nodes.Const: "_const",
        nodes.Name: "_name",
        nodes.Getattr: "_getattr",
        nodes.Getitem: "_getitem",
        nodes.List: "_list",
        nodes.Tuple: "_list",
        nodes.Not: "_not",
        nodes.And: "_either",
        nodes.Or: "_either",
        nodes.CondExpr: "_choice",
        nodes.Concat: "_concat",
        nodes.Compare: "_compare",
        nodes.Filter: "_filter",
        nodes.Test: "_test",
        nodes.Neg: "_unary",
        nodes.Pos: "_unary",
    }


def _target(node: nodes.Node) -> str:
    if not isinstance(node, nodes.Name):
        raise Refused(said("A loop takes plain names: `for key, value in ...`."), line=node.lineno)
    _check_name(node)
    return node.name


def _check_name(node: nodes.Name) -> None:
    # Python folds other letters into ASCII ones, and so could let one name stand for another.
    if not node.name.isascii() or node.name.startswith("_") or node.name in _RESERVED:
        raise refusals.bad_name(node.name, node.lineno)


def _call(node: nodes.Node, operation: str, value: nodes.Expr, *rest: nodes.Expr) -> nodes.Expr:
    """Return a node that calls one of ``OPERATIONS``."""
    return nodes.Filter(
        value, operation, [nodes.ContextReference(), *rest], [], None, None, lineno=node.lineno
    )
