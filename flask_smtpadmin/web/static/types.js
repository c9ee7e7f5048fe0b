/* The words of an e-mail: shown while they are typed, sent so that no firewall chokes on HTML. */
"use strict";

(() => {
  const form = document.getElementById("edit");
  if (!form || !form.hasAttribute("data-words-form")) return;

  const PARTS = ["subject", "html", "text"].filter((part) => form.elements[part]);
  const PAUSE = 400; /* ms without a key until the preview follows */
  const show = document.querySelector("[data-show]");
  const told = document.querySelector("[data-told]");

  for (const button of form.querySelectorAll("[data-without-script]")) button.hidden = true;

  /* What is sent: the parts in base64 with - and _, which no filter takes for HTML or a script */

  const encoded = (text) => {
    let binary = "";
    for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_");
  };

  const values = () => {
    const found = new FormData(form);
    for (const part of PARTS) found.set(part, encoded(form.elements[part].value));
    found.set("encoded", "1");
    return new URLSearchParams(found);
  };

  const asked = (action) => fetch(action, {
    method: "POST", body: values(), headers: { Accept: "application/json" }, redirect: "manual",
  });

  /* The result, in words ---------------------------------------------------- */

  const say = (tone, text, link) => {
    const banner = document.createElement("div");
    banner.className = `sa-banner sa-tone-${tone}`;
    banner.setAttribute("role", tone === "ok" ? "status" : "alert");
    const words = document.createElement("div");
    words.className = "sa-banner-text";
    words.append(text);
    if (link) {
      const anchor = document.createElement("a");
      anchor.href = link.href;
      anchor.textContent = link.label;
      words.append(" ", anchor);
    }
    banner.append(words);
    told.replaceChildren(banner);
    banner.scrollIntoView({ block: "nearest" });
  };

  /* A sentence in which `code` stands in backticks */
  const fill = (place, text) => {
    place.replaceChildren(...text.split("`").map((piece, n) => {
      if (n % 2 === 0) return piece;
      return Object.assign(document.createElement("code"), { textContent: piece });
    }));
  };

  const mark = (problems) => {
    for (const part of PARTS) {
      const line = document.getElementById(`error-${part}`);
      const wrong = problems[part] || "";
      line.hidden = wrong === "";
      fill(line.querySelector("span"), wrong);
      if (wrong) form.elements[part].setAttribute("aria-invalid", "true");
      else form.elements[part].removeAttribute("aria-invalid");
    }
    show.querySelector("[data-preview-wrong]").hidden = Object.keys(problems).length === 0;
  };

  /* Says what an answer means; null when it was not ours, or said no in another way */
  const read = async (response) => {
    const ours = response.headers.get("X-SMTPAdmin") !== null;
    const json = (response.headers.get("Content-Type") || "").includes("json");
    if (ours && json) return response.json();
    const words = ours ? form.dataset.refused : form.dataset.foreign;
    say("bad", words.replace("{status}", response.status || "302"));
    return null;
  };

  const send = async (action) => {
    try {
      return await read(await asked(action));
    } catch {
      say("bad", form.dataset.away);
      return null;
    }
  };

  /* A value is put where the cursor is, or was, by pressing its name --------------- */

  let last = form.elements.html;
  for (const part of PARTS) form.elements[part].addEventListener("focus", (event) => { last = event.target; });
  for (const name of document.querySelectorAll("code[data-insert]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sa-insert";
    button.title = name.dataset.insert;
    button.textContent = name.textContent;
    button.addEventListener("click", () => {
      last.setRangeText(button.textContent, last.selectionStart, last.selectionEnd, "end");
      last.focus();
      last.dispatchEvent(new Event("input", { bubbles: true }));
    });
    name.replaceWith(button);
  }

  /* Save and send a test; what is typed stays on the page unless it was saved -------- */

  let saved = form.hasAttribute("data-unsaved") ? null : JSON.stringify(PARTS.map((part) => form.elements[part].value));
  let leaving = false;
  const save = form.querySelector("[data-save]");
  const dirty = () => JSON.stringify(PARTS.map((part) => form.elements[part].value)) !== saved;

  const judge = () => {
    save.disabled = !dirty() && !form.hasAttribute("data-savable");
    save.title = save.disabled ? form.dataset.clean : "";
  };

  const finish = (answer) => {
    if (!answer) return;
    if (answer.to) {
      leaving = true;
      location.assign(answer.to);
      return;
    }
    if (answer.told) {
      say(answer.told.tone, answer.told.text, answer.told.href && answer.told);
      return;
    }
    mark(answer.problems || {});
    if (answer.overtaken) {
      form.elements.seen.value = answer.seen;
      say("warn", answer.overtaken);
      return;
    }
    say("bad", form.dataset.wrong);
    const first = PARTS.find((part) => answer.problems[part]);
    if (first) form.elements[first].focus();
  };

  form.addEventListener("submit", async (event) => {
    if (event.submitter && event.submitter.formTarget === "sa-preview") return;
    event.preventDefault();
    const button = event.submitter;
    if (button) button.disabled = true;
    const action = (button && button.getAttribute("formaction")) || form.action;
    finish(await send(action));
    if (button) button.disabled = false;
    judge();
  });

  form.addEventListener("input", judge);
  window.addEventListener("pageshow", () => { leaving = false; judge(); });
  window.addEventListener("beforeunload", (event) => { if (!leaving && dirty()) event.preventDefault(); });

  /* The preview: the HTML in a new frame each time, which takes the place of the old one once it
     is there: nothing flickers, and the way back does not lead through previews */

  const holder = show.querySelector("[data-frame]");
  let waiting = 0;
  let turn = 0;

  const draw = (mine) => {
    const old = holder.querySelector("iframe:not([data-next])");
    for (const late of holder.querySelectorAll("[data-next]")) late.remove();
    const next = old.cloneNode(false);
    next.removeAttribute("src");
    next.name = `sa-preview-${mine}`;
    next.dataset.next = "";
    holder.append(next);
    const post = document.createElement("form");
    post.method = "post";
    post.action = form.dataset.preview;
    post.target = next.name;
    post.hidden = true;
    for (const [name, value] of values()) {
      post.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    }
    document.body.append(post);
    next.addEventListener("load", () => {
      if (mine !== turn) return;
      old.remove();
      delete next.dataset.next;
    });
    post.submit();
    post.remove();
  };

  const preview = async () => {
    turn += 1;
    const mine = turn;
    let answer = null;
    try {
      const response = await asked(form.dataset.preview);
      if (response.headers.get("X-SMTPAdmin") !== null && (response.headers.get("Content-Type") || "").includes("json")) {
        answer = await response.json();
      }
    } catch { /* it follows with the next key */ }
    if (!answer || mine !== turn) return;
    mark(answer.problems);
    if (Object.keys(answer.problems).length) return;
    show.querySelector("[data-shown-subject]").textContent = answer.subject;
    show.querySelector("[data-shown-text]").textContent = answer.text;
    draw(mine);
  };

  const soon = () => { clearTimeout(waiting); waiting = setTimeout(preview, PAUSE); };
  for (const part of PARTS) form.elements[part].addEventListener("input", soon);
  const images = show.querySelector("[data-images]");
  if (images) images.addEventListener("change", preview);
  if (form.hasAttribute("data-unsaved")) preview();
})();
