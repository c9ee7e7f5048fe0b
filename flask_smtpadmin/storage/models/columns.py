"""Column types that mean the same on every database."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: SQLite counts rows only in an INTEGER primary key.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: MariaDB's DATETIME drops fractions unless told otherwise.
Moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
#: LargeBinary alone is a 64 KiB BLOB on MariaDB; spelled out, Alembic finds no difference.
Content = sa.LargeBinary(2**32 - 1).with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
#: Compared and sorted byte by byte, whatever the database's language: what begins alike stands
#: together.
Exact = (
    sa.String(320)
    .with_variant(sa.String(320, collation="C"), "postgresql")
    .with_variant(mysql.VARCHAR(320, collation="utf8mb4_bin"), "mysql", "mariadb")
)
