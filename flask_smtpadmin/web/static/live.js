/* Live refresh: a page is fetched again now and then, and what differs is merged in place. */
"use strict";

(() => {
  const HEADER = "Smtpadmin-Live";
  const CHOICE = "smtpadmin.refresh";
  const FIELD = "input:not([type=checkbox], [type=radio], [type=submit]), textarea, select:not([data-live-every])";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* Merging: nodes that stay keep focus, ticks, what is folded open, and their place ------------- */

  const KEYS = ["live", "messageId", "session", "part", "server", "worker", "cause", "attempt", "banner", "job", "domain", "chart", "metric", "tab"];
  /* what scripts and people set: the server knows nothing of it */
  const OWN = new Set(["hidden", "open", "data-changed", "data-copied", "data-gone"]);

  const keyOf = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE) return "";
    if (node.id) return `#${node.id}`;
    const name = KEYS.find((key) => key in node.dataset);
    return name ? `${name}=${node.dataset[name]}` : node.getAttribute("aria-labelledby") || "";
  };

  const showChange = (node) => {
    node.dataset.changed = "";
    setTimeout(() => { delete node.dataset.changed; }, 8000);
  };

  const mergeAttributes = (old, fresh) => {
    if (old.dataset.state && fresh.dataset.state && old.dataset.state !== fresh.dataset.state) showChange(old);
    for (const { name, value } of fresh.attributes) {
      if (!OWN.has(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (!OWN.has(name) && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
  };

  const likeNext = (node, wanted) => {
    while (node && (node.nodeName !== wanted.nodeName || keyOf(node))) node = node.nextSibling;
    return node;
  };

  const mergeChildren = (old, fresh) => {
    const wanted = new Set([...fresh.children].map(keyOf));
    const keyed = new Map();
    for (const child of [...old.children]) {
      const key = keyOf(child);
      if (key && !wanted.has(key)) child.remove();
      else if (key) keyed.set(key, child);
    }
    let at = old.firstChild;
    for (const child of fresh.childNodes) {
      const key = keyOf(child);
      const found = key ? keyed.get(key) : likeNext(at, child);
      if (!found || found.nodeName !== child.nodeName) {
        old.insertBefore(document.importNode(child, true), at);
        continue;
      }
      if (found === at) at = at.nextSibling;
      else old.insertBefore(found, at);
      merge(found, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const merge = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.localName === "time" && old.dateTime === fresh.dateTime) return; // age() counts on
    mergeAttributes(old, fresh);
    mergeChildren(old, fresh);
  };

  /* A list: rows change where they are; new ones are counted until somebody wants to see them ------ */

  const rowsIn = (root) => new Map(root ? all("tbody > tr", root).filter(keyOf).map((row) => [keyOf(row), row]) : []);

  const mergeRows = (old, fresh, left) => {
    const here = rowsIn(old);
    const page = rowsIn(fresh);
    const elsewhere = rowsIn(left);
    for (const [key, row] of here) {
      const now = page.get(key) || elsewhere.get(key);
      if (now) merge(row, now);
      else if (left && !("gone" in row.dataset)) markGone(row);
    }
    if (old.dataset.liveRows === "later") return 0;
    const order = [...page.keys()];
    const last = order.findLastIndex((key) => here.has(key));
    return order.slice(0, last < 0 ? order.length : last).filter((key) => !here.has(key)).length;
  };

  const markGone = (row) => {
    row.dataset.gone = "";
    const note = row.querySelector(".sa-row-note");
    if (note) note.textContent = words.gone;
    const box = row.querySelector("[name=ids]");
    if (box) box.disabled = true;
  };

  /* The page --------------------------------------------------------------------------------------- */

  const bar = document.querySelector("[data-live-bar]");
  const words = bar ? JSON.parse(bar.dataset.words) : {};
  const fill = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
  const regions = () => all("[data-live]");
  const testing = () => document.querySelector('[data-live] [data-over="false"]') !== null;

  let latest = null; // what came last, as a document
  let merged = true; // whether the page shows it
  let tag = null;
  let updated = Date.now();
  let due = 0;
  let failures = 0;
  let trouble = ""; // which of the words
  let status = 0;
  let busy = false;
  let held = false;
  let skew = bar ? Number(bar.dataset.now) * 1000 - Date.now() : 0;

  const show = (region, count) => {
    const place = region.parentElement.querySelector("[data-fresh]");
    if (!place) return;
    const button = place.querySelector("button");
    if (!count) { place.replaceChildren(); return; }
    const text = fill(words.show, { count: count.toLocaleString(document.documentElement.lang) });
    if (!button) place.append(Object.assign(document.createElement("button"), { type: "button", className: "sa-button sa-button-small", textContent: text }));
    else if (button.textContent !== text) button.textContent = text;
  };

  /* whole: as a reload would show it; else nothing that is being read moves */
  const apply = (whole) => {
    const focused = document.activeElement;
    merged = true;
    for (const region of regions()) {
      const fresh = latest.querySelector(`[data-live="${region.dataset.live}"]`);
      if (!fresh) continue;
      if (!("liveRows" in region.dataset) || whole || !rowsIn(region).size) {
        merge(region, fresh);
        if ("liveRows" in region.dataset) show(region, 0);
      } else {
        const left = latest.querySelector("[data-left]");
        show(region, mergeRows(region, fresh, left));
      }
    }
    const token = latest.querySelector("[name=csrf_token]");
    for (const field of all("input[name=csrf_token]")) field.value = token.value;
    document.dispatchEvent(new CustomEvent("smtpadmin:merged"));
    keepFocus(focused);
    age();
  };

  const keepFocus = (focused) => {
    if (document.activeElement === focused || focused === document.body) return;
    const place = focused.isConnected ? focused : document.getElementById("sa-main");
    place.focus({ preventScroll: true });
  };

  /* Looking ------------------------------------------------------------------------------------------ */

  const wrong = (response) => {
    if (response.type === "opaqueredirect" || response.status === 401 || response.status === 403) return "signed_out";
    if (response.status === 404) return "missing";
    if (response.status === 304) return "";
    if (!response.ok) return "failed";
    return response.headers.has(HEADER) ? "" : "signed_out";
  };

  const look = async (whole) => {
    const shown = all("[data-live-rows] tr[data-message-id]").map((row) => row.dataset.messageId);
    const headers = { [HEADER]: shown.join(",") || "1", ...(tag && { "If-None-Match": tag }) };
    const response = await fetch(location.href, { headers, redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(20_000) });
    trouble = wrong(response);
    status = response.status;
    if (trouble) return;
    const text = await response.text();
    updated = Date.now();
    const there = Date.parse(response.headers.get("Date"));
    if (there) skew = there - updated;
    if (response.status === 200) {
      tag = response.headers.get("ETag");
      latest = new DOMParser().parseFromString(text, "text/html");
      merged = false;
    }
    if (whole || (!merged && !reason())) apply(whole);
  };

  const poll = async (whole) => {
    if (busy) return;
    busy = true;
    try {
      await look(whole);
    } catch {
      trouble = "away";
    }
    failures = trouble ? failures + 1 : 0;
    const pause = Math.max(every(), failures ? 5 : 0) * 2 ** Math.min(failures, 5);
    due = Date.now() + Math.min(pause, Math.max(every(), 60)) * 1000;
    busy = false;
    say();
  };

  /* When, and why not ----------------------------------------------------------------------------- */

  const chosen = () => Number(bar.querySelector("[data-live-every]").value);
  const every = () => (testing() ? 0.4 : bar ? chosen() : 0);

  const reason = () => {
    if (document.hidden) return "hidden";
    if (document.querySelector("dialog[open]")) return "dialog";
    if (document.querySelector("input[name=ids]:checked")) return "ticked";
    if (document.activeElement.matches(FIELD) || document.querySelector("[data-live] details[open] form")) return "form";
    return "";
  };

  const beat = () => {
    const why = reason();
    if (!why && held) due = 0;
    held = why !== "";
    if (!why && every() && Date.now() >= due) poll(false);
    say();
  };

  /* Words --------------------------------------------------------------------------------------------- */

  const span = (seconds) => {
    if (seconds < 60) return fill(words.seconds, { seconds: Math.round(seconds) });
    if (seconds < 3600) return fill(words.minutes, { minutes: Math.round(seconds / 60) });
    if (seconds < 172_800) return fill(words.hours, { hours: Math.round(seconds / 3600) });
    return fill(words.days, { days: Math.floor(seconds / 86_400) });
  };

  const ago = (seconds, recent = 10) => {
    if (Math.abs(seconds) < recent) return seconds >= 0 ? words.now : words.soon;
    return fill(seconds > 0 ? words.ago : words.ahead, { span: span(Math.abs(seconds)) });
  };

  /* counts on what the server wrote as "4 min ago"; a date that is long past stays a date */
  const age = () => {
    if (!bar) return;
    for (const time of all(".sa time[datetime]")) {
      const seconds = (Date.now() + skew - new Date(time.dateTime)) / 1000;
      if (Math.abs(seconds) >= 30 * 86_400) continue;
      const text = ago(seconds);
      if (time.textContent !== text) time.textContent = text;
    }
  };

  const say = () => {
    if (!bar) return;
    const said = bar.querySelector("[data-live-said]");
    const why = reason();
    let text = fill(words.updated, { ago: ago((Date.now() - updated) / 1000, 1) });
    if (trouble) {
      const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" }).format(updated);
      text = `${fill(words.stale, { time })} ${fill(words[trouble], { status })}`;
    } else if (words[why] && chosen()) text = words[why];
    bar.toggleAttribute("data-stale", trouble !== "");
    if (said.textContent !== text) said.textContent = text;
  };

  const remember = (value) => {
    try { localStorage.setItem(CHOICE, value); } catch { /* the browser keeps nothing: so be it */ }
  };

  const remembered = () => {
    try { return localStorage.getItem(CHOICE); } catch { return null; }
  };

  const enableBar = () => {
    const select = bar.querySelector("[data-live-every]");
    const before = remembered();
    if ([...select.options].some((option) => option.value === before)) select.value = before;
    select.hidden = false;
    select.addEventListener("change", () => { remember(select.value); select.blur(); due = 0; beat(); });
    bar.querySelector("[data-live-refresh]").addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      await poll(true);
      if (trouble === "signed_out") location.reload();
    });
  };

  const start = () => {
    if (bar) enableBar();
    due = Date.now() + every() * 1000;
    document.addEventListener("visibilitychange", beat);
    document.addEventListener("change", beat);
    document.addEventListener("click", (event) => { if (event.target.closest("[data-fresh] button")) apply(true); });
    const go = () => { beat(); setTimeout(go, testing() ? 400 : 1000); };
    go();
    setInterval(age, 10_000);
  };

  if (bar || testing()) start();
})();
