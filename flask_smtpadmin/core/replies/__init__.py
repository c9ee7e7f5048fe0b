"""What a failure means: exceptions and SMTP replies to one of a fixed list of causes.

``reading`` makes a text ready, ``rules`` holds the tables of words and codes, ``faults`` the kinds
of exceptions, ``meaning`` what the stage and the code change, and ``judging`` asks them in turn.
What to do about a cause stands in :mod:`flask_smtpadmin.core.advice`.
"""

from flask_smtpadmin.core.replies.judging import (
    STAGES,
    Judgement,
    classify,
    classify_transaction,
    judge,
)

__all__ = ["STAGES", "Judgement", "classify", "classify_transaction", "judge"]
