"""A reply made ready to be understood: its codes, its words, and the command it answers."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

#: How much is looked at; what a server says later than that is no reason any more.
LIMIT: Final = 900

_CODE: Final = re.compile(
    r"(?<![\w.:/#%$+-])(?<!port )(?<!line )(?<!HTTP/1\.[01] )"
    r"([45][0-7]\d|334)(?=[\s\-,:;'\")\]]|$)"
    r"(?! ?(?:seconds|secs|s\b|ms|milli|bytes|messages|recipients|days|hours))"
)
_ENHANCED: Final = re.compile(
    r"(?<![\d.])(?<!RFC\d{4} )(?<!ection )([245])\.(\d{1,3}\.\d{1,3})(?![\d.]*\.?\d)"
)
_MAILBOX: Final = re.compile(r"[\w.!$%&'*+/=?^`{|}~-]{1,64}@[\w.\-\[\]]{0,255}")
_LINK: Final = re.compile(r"(?:https?://|www\.)\S{1,300}")
#: Host names, but not those of block lists: "blocked using", "listed at".
_HOST: Final = re.compile(
    r"(?<!using )(?<!at )(?<! by )(?<! in )(?<! on )(?<![\w.-])(?=[\d.]{0,40}[a-z_-])"
    r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"
)
_SPACE: Final = re.compile(r"\s{1,300}")
#: Words that belong together stand in one sentence; ``.`` in a pattern does not cross lines.
_SENTENCE: Final = re.compile(r"(?<=[a-z0-9)\]\"'@][.!?]) (?=\S)")
#: How .NET, Symfony and Postfix introduce what the server said.
_QUOTED: Final = re.compile(r"server response was:\s|with message \"|\bsaid: (?=[45]\d\d)")
_CHALLENGE: Final = re.compile(r"(?<![\w+/])(ey[A-Za-z0-9+/]{16,600}={0,2})(?![\w+/=])")
_QUOTES: Final = str.maketrans({"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"'})
_ANSWERS: Final = re.compile(
    r"in (?:reply|response) to (?:the )?"
    r"(end of data|data|mail from|rcpt to|ehlo|helo|starttls|auth)"
    r"|after (end of data|data|mail from|rcpt to|ehlo|helo|starttls|auth)\b"
    r"|while (sending end of data|sending data|sending mail from|sending rcpt to"
    r"|receiving the initial server greeting|performing the [eh]{2}lo)"
)
_STAGE_OF: Final = {
    "mail from": "mail_from",
    "rcpt to": "rcpt_to",
    "ehlo": "ehlo",
    "helo": "ehlo",
    "starttls": "starttls",
    "auth": "auth",
    "data": "data",
    "end of data": "data",
}
#: A reply shorter than this tells nothing.
_TELLING: Final = 12
#: Basic codes that only an answer to AUTH has (RFC 4954, 4468).
_OF_SIGN_IN: Final = frozenset({334, 432, 435, 525, 534, 535, 538})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says.

    ``said`` is lower-case, a sentence a line, with ``@`` for each address; ``reply`` begins
    at the SMTP reply that a library quotes; ``bare`` is the reply without links and host names,
    ``marks`` the whole with the addresses. ``code`` is 0 where no SMTP reply is quoted,
    ``enhanced`` empty where it has no such code. ``stage`` as in failure reports, empty when
    nothing tells.
    """

    said: str
    bare: str
    reply: str
    marks: str
    code: int
    enhanced: str
    stage: str

    @property
    def kind(self) -> int:
        """The first digit of the code, 0 without one."""
        return self.code // 100


def read(text: str, stage: str) -> Reading:
    """Read a clean text; ``stage`` empty: taken from the text where it names the command."""
    text = _SPACE.sub(" ", _decoded(text[:LIMIT].translate(_QUOTES)))
    enhanced = _ENHANCED.search(text)
    code = _code(text, enhanced)
    said = _MAILBOX.sub("@", text.lower())
    if code and enhanced is not None:  # a reply of several lines repeats both
        first, again = re.search(str(code), said), rf" {code}[- ]{re.escape(enhanced[0])} "
        start = first.end() if first else 0
        said = said[:start] + re.sub(again, " ", said[start:])
    said = _SENTENCE.sub("\n", said)
    reply = _quoted(said, code)
    bare = _HOST.sub(" ", _LINK.sub(" ", reply)) if "." in reply else reply
    marks = text.lower() if "@" in said else said
    return Reading(
        said, bare, reply, marks, code, enhanced[0] if enhanced else "", stage or _stage(said, code)
    )


def _quoted(said: str, code: int) -> str:
    """Return the part that is the server's reply, when it is long enough to tell anything."""
    found = _QUOTED.search(said) or (code and re.search(rf"(?<!\d){code}(?!\d)", said))
    if not found:
        return said
    reply = said[found.end() if found.re is _QUOTED else found.start() :]
    return reply if len(reply) > _TELLING else said


def _code(text: str, enhanced: re.Match[str] | None) -> int:
    """Return the basic code: the first one, or what the enhanced code is worth."""
    found = _CODE.search(text)
    if found is not None:
        return int(found[1])
    return int(enhanced[1]) * 100 if enhanced is not None and enhanced[1] in "45" else 0


def _stage(said: str, code: int) -> str:
    found = _ANSWERS.search(said)
    if found is not None:
        words = next(filter(None, found.groups())).removeprefix("sending ")
        return _STAGE_OF.get(words, "greeting" if "greeting" in words else "ehlo")
    return "auth" if code in _OF_SIGN_IN else ""


def _decoded(text: str) -> str:
    """Put the JSON of an OAuth challenge in the place of its base64 (RFC 7628, XOAUTH2)."""
    found = _CHALLENGE.search(text)
    if found is None:
        return text
    try:
        plain = base64.b64decode(found[1] + "==").decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return text
    return f"{text[: found.start()]}{plain}{text[found.end() :]}"
