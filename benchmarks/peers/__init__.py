"""Those we compare with, each used as its documentation says, in an environment of their own.

What stands here runs in that environment, which knows nothing of flask-smtpadmin.
"""
