"""May this domain's mail be believed? SPF, DKIM, DMARC, MX and reverse names, read and judged.

Nothing here asks the DNS itself: everything goes through a :class:`~.lookups.Lookup` that the
caller brings. ``spf`` reads a record, ``check_host`` evaluates it, ``inventory`` walks all of it;
``dkim`` and ``dmarc`` read theirs. The modules ``judge_*`` turn what was found into a
:class:`~.findings.Finding`, and ``checks`` goes from a question to the finding.
"""
