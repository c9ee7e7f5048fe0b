"""What e-mails say: types, their templates, and how these become text."""
