"""What providers need in a domain's DNS, from ``data/deliverability.json``.

Only what is well known of them; the needs of a provider that is not listed, and values that differ
for each account, are left to the provider's own pages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from flask_smtpadmin.core.deliverability.findings import Record
from flask_smtpadmin.core.settings import Server
from flask_smtpadmin.core.settings.presets import Preset, presets

#: Domains that belong to a mailbox provider: whoever writes from there has nothing to publish.
PUBLIC_DOMAINS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gmail.com": "Gmail",
        "googlemail.com": "Gmail",
        "outlook.com": "Outlook.com",
        "hotmail.com": "Outlook.com",
        "live.com": "Outlook.com",
        "msn.com": "Outlook.com",
        "yahoo.com": "Yahoo Mail",
        "aol.com": "AOL Mail",
        "icloud.com": "iCloud Mail",
        "me.com": "iCloud Mail",
        "mac.com": "iCloud Mail",
        "proton.me": "Proton Mail",
        "protonmail.com": "Proton Mail",
        "fastmail.com": "Fastmail",
        "yandex.ru": "Yandex Mail",
        "mail.ru": "Mail.ru",
        "gmx.de": "GMX",
        "gmx.net": "GMX",
        "web.de": "WEB.DE",
        "qq.com": "QQ Mail",
        "163.com": "NetEase 163 Mail",
        "126.com": "NetEase 126 Mail",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What one provider needs.

    Attributes:
        name: as people know it.
        includes: SPF domains that stand for its hosts; the first is the one to publish.
        own_envelope: whether MAIL FROM stays the app's; else the provider puts its own domain
            there, whose SPF record counts then.
        selectors: DKIM selectors that it uses for every customer.
        type: CNAME or TXT, the type of its DKIM records.
        values: what to publish by selector, with ``{selector}``, ``{domain}``, ``{dashed}``.
        return_path: the record that makes MAIL FROM a subdomain of the customer's.
        mx: preference and host where it also receives mail.
        where: one sentence on where it shows what differs for each customer.
    """

    name: str
    includes: tuple[str, ...] = ()
    own_envelope: bool = True
    selectors: tuple[str, ...] = ()
    type: Literal["CNAME", "TXT"] = "TXT"
    values: Mapping[str, str] = field(default_factory=dict)
    return_path: Record | None = None
    mx: tuple[tuple[int, str], ...] = ()
    where: str = ""

    def dkim_records(self, domain: str) -> tuple[Record, ...]:
        """Return the DKIM records to publish for ``domain``; some with the provider's value only.

        A selector without a known value is left out where others have one.
        """
        known = [name for name in self.selectors if name in self.values] or self.selectors[:2]
        return tuple(
            Record(
                f"{name}._domainkey.{domain}",
                self.type,
                filled(self.values.get(name, ""), domain, name),
            )
            for name in known
        )

    def return_path_for(self, domain: str) -> Record | None:
        """Return the record that makes MAIL FROM a name below ``domain``; None: none is known."""
        record = self.return_path
        if record is None:
            return None
        return Record(filled(record.name, domain), record.type, filled(record.value, domain))


def filled(template: str, domain: str, selector: str = "") -> str:
    """Return a template with the customer's values in their places."""
    places = {"domain": domain, "dashed": domain.replace(".", "-"), "selector": selector}
    return template.format_map(places)


def provider_of(server: Server) -> Provider | None:
    """Return the provider that ``server`` hands its mail to; None: none that is known.

    By its preset, else by its host. A preset whose mail leaves from the app's own host is none;
    of a provider whose needs are not listed, only the name is known.
    """
    name, _, region = (server.preset or "").partition(":")
    if name in presets():
        return _known(presets()[name], region)
    for preset in presets().values():
        found = _region_by_host(preset, server.host) if server.host else None
        if found is not None and (known := _known(preset, found)):
            return known
    return None


def leaves_here(server: Server) -> bool:
    """Say whether mail goes out from the app's own host, as its preset says."""
    name = (server.preset or "").partition(":")[0]
    return _rows().get(name, {}).get("sender") == "own"


def _region_by_host(preset: Preset, host: str) -> str | None:
    wanted = host.lower().rstrip(".")
    for region in preset.regions:
        if region.host == wanted:
            return region.key
    before, brace, rest = preset.host.partition("{")
    after = rest.partition("}")[2]
    if brace:
        fits = before and wanted.startswith(before) and wanted.endswith(after)
        return "" if fits else None
    return "" if preset.host == wanted else None


def _known(preset: Preset, region: str) -> Provider | None:
    if preset.category not in {"mailbox", "esp", "relay"} or not preset.host:
        return None
    row = _rows().get(preset.key, {})
    if row.get("sender") == "own":
        return None
    includes = list(row.get("spf", ()))
    regional = row.get("by_region", {}).get(region)
    if regional:
        includes = [regional, *(name for name in includes if name != regional)]
    selectors = tuple(row.get("selectors", ()))
    common = dict.fromkeys(selectors, row["value"]) if "value" in row else {}
    path = row.get("return_path")
    return Provider(
        name=row.get("name", preset.name),
        includes=tuple(includes),
        own_envelope=row.get("envelope") != "provider",
        selectors=selectors,
        type=row.get("type", "TXT"),
        values=common | row.get("values", {}),
        return_path=Record(**path) if path else None,
        mx=tuple((preference, host) for preference, host in row.get("mx", ())),
        where=row.get("where", ""),
    )


@cache
def _rows() -> Mapping[str, dict[str, Any]]:
    text = files("flask_smtpadmin.core").joinpath("data/deliverability.json").read_text("utf-8")
    return MappingProxyType(json.loads(text))
