"""Five ways to declare models with Flask-SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import (
    DeclarativeBase,
    DeclarativeBaseNoMeta,
    MappedAsDataclass,
    declarative_base,
)


def _default(**options: Any) -> SQLAlchemy:
    return SQLAlchemy(**options)


def _subclass(**options: Any) -> SQLAlchemy:
    class Base(DeclarativeBase):
        pass

    return _with_base(Base, options)


def _dataclass(**options: Any) -> SQLAlchemy:
    class Base(DeclarativeBase, MappedAsDataclass):
        pass

    return _with_base(Base, options)


def _no_meta(**options: Any) -> SQLAlchemy:
    class Base(DeclarativeBaseNoMeta):
        pass

    return _with_base(Base, options)


def _legacy(**options: Any) -> SQLAlchemy:
    base = declarative_base(metadata=options.pop("metadata", None))
    return SQLAlchemy(model_class=base, **options)


def _with_base(base: Any, options: dict[str, Any]) -> SQLAlchemy:
    metadata = options.pop("metadata", None)
    if metadata is not None:
        base.metadata = metadata
    return SQLAlchemy(model_class=base, **options)


BASES = {
    "default": _default,
    "subclass": _subclass,
    "no_meta": _no_meta,
    "legacy": _legacy,
}
if sqlalchemy.__version__.startswith("2.0"):  # Flask-SQLAlchemy 3.1 cannot make it on 2.1
    BASES["dataclass"] = _dataclass


@pytest.fixture(params=BASES)
def make_db(request: pytest.FixtureRequest) -> Callable[..., SQLAlchemy]:
    """``make_db(metadata=...)`` returns a SQLAlchemy object; once for each kind of base."""
    return BASES[request.param]
