/* Progressive enhancement: every page works without this file. */
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* Copy buttons ---------------------------------------------------------- */

  const enableCopying = (root = document) => {
    if (!navigator.clipboard) return;
    for (const button of all("[data-copy][hidden]", root)) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.dataset.copied = "";
        button.title = button.dataset.copiedWord;
        setTimeout(() => { delete button.dataset.copied; button.title = button.getAttribute("aria-label"); }, 1500);
      });
    }
  };

  /* Times in the viewer's zone --------------------------------------------- */

  const localiseTimes = () => {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
    for (const time of all("time[datetime]")) {
      const title = `${format.format(new Date(time.dateTime))} (${time.dateTime})`;
      if (time.title !== title) time.title = title;
    }
  };

  /* Filters that apply at once; "/" goes to the search box ------------------- */

  const enableFilters = () => {
    for (const select of all("[data-submit]")) {
      select.addEventListener("change", () => select.form.requestSubmit());
    }
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest("input, textarea, select");
      const box = document.querySelector("[data-search]");
      if (event.key !== "/" || typing || !box || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      box.focus();
    });
  };

  /* Provider tiles that do not fit what is typed step aside; "Another server" always stays */
  const enableLiveFilter = () => {
    for (const box of all("[data-live-filter]")) {
      const tiles = all("[data-words]", document.getElementById(box.dataset.liveFilter));
      const none = document.querySelector("[data-none]");
      box.addEventListener("input", () => {
        const words = box.value.toLowerCase().replace(/^.*@/, "").split(/\s+/).filter(Boolean);
        for (const tile of tiles) tile.hidden = !words.every((word) => tile.dataset.words.includes(word));
        none.hidden = tiles.some((tile) => !tile.hidden);
      });
    }
  };

  /* Selection: the bar shows up with the first tick. Rows come and go, so nothing is bound to them */

  const boxesOf = (form) => all(`input[name="ids"][form="${form.id}"]`);

  const showSelection = (form) => {
    const boxes = boxesOf(form);
    const master = document.querySelector(`[data-select-all="${form.id}"]`);
    const whole = form.querySelector("[data-all]");
    const said = form.querySelector("[data-selected]");
    const ticked = boxes.filter((box) => box.checked).length;
    if (master) {
      master.hidden = false;
      master.checked = ticked > 0 && ticked === boxes.length;
      master.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    if (!said) return;
    form.hidden = ticked === 0;
    if (whole && ticked < boxes.length) whole.checked = false;
    said.textContent = whole && whole.checked ? said.dataset.allWord : said.dataset.someWord.replace("{n}", ticked);
  };

  const showSelections = () => {
    for (const id of new Set(all('input[name="ids"][form]').map((box) => box.getAttribute("form")))) {
      showSelection(document.getElementById(id));
    }
  };

  const enableSelection = () => {
    document.addEventListener("change", ({ target }) => {
      const id = target.dataset.selectAll || (target.name === "ids" && target.getAttribute("form"));
      const form = id ? document.getElementById(id) : target.hasAttribute("data-all") && target.form;
      if (!form) return;
      const every = target.dataset.selectAll || (target.hasAttribute("data-all") && target.checked);
      if (every) for (const box of boxesOf(form)) box.checked = target.checked;
      showSelection(form);
    });
    showSelections();
  };

  /* A form that was changed is not left by accident, and saved only when it was changed ----- */

  const typedInto = (form) => {
    const values = new FormData(form);
    for (const input of all("[data-not-saved]", form)) values.delete(input.name);
    return new URLSearchParams(values).toString();
  };

  const guardForms = () => {
    for (const form of all("[data-dirty-guard]")) {
      const save = form.querySelector("[data-save]");
      const before = form.hasAttribute("data-dirty") ? null : typedInto(form);
      let leaving = false;
      const dirty = () => typedInto(form) !== before;
      const judge = () => {
        if (!save) return;
        const changed = dirty() || form.hasAttribute("data-savable");
        save.disabled = !changed || !form.checkValidity();
        save.title = !changed ? save.dataset.clean : save.disabled ? save.dataset.wrong : "";
      };
      form.addEventListener("input", judge);
      form.addEventListener("change", (event) => {
        judge();
        if (event.target.pattern) event.target.setAttribute("aria-invalid", String(!event.target.validity.valid));
      });
      form.addEventListener("submit", () => { leaving = true; });
      for (const link of all("[data-leave]", form)) link.addEventListener("click", () => { leaving = true; });
      window.addEventListener("beforeunload", (event) => { if (!leaving && dirty()) event.preventDefault(); });
      window.addEventListener("pageshow", () => { leaving = false; judge(); });
    }
  };

  /* The server form: ports, encryption, sign-in, sample subject -------------------- */

  const STANDARD = { implicit: "465", starttls: "587", none: "25" };
  const IMPLICIT = ["465", "994", "2465", "8465", "443"];
  const STARTTLS = ["25", "587", "588", "2525", "2587", "8025"];

  const crossedPair = (mode, port, words) => {
    if (mode === "implicit" && STARTTLS.includes(port)) return words.implicitWord.replace("{port}", port);
    if (mode === "starttls" && IMPLICIT.includes(port)) return words.starttlsWord.replace("{port}", port);
    return "";
  };

  const enhanceServerForm = (form) => {
    const port = form.elements.port;
    const mode = () => (form.querySelector('[name="tls_mode"]:checked') || {}).value;
    const warning = form.querySelector("[data-crossed]");
    const judge = () => {
      const text = crossedPair(mode(), port.value.trim(), warning.dataset);
      warning.hidden = text === "";
      warning.querySelector("span").textContent = text;
    };
    for (const radio of all('[name="tls_mode"]', form)) {
      radio.addEventListener("change", () => {
        const usual = [...Object.values(STANDARD), ""].includes(port.value.trim());
        if (usual && !port.disabled) port.value = STANDARD[radio.value];
        judge();
      });
    }
    port.addEventListener("input", judge);
    judge();
    followSignIn(form);
    showSample(form);
    needHost(form);
  };

  /* There is something to test as soon as there is a host */
  const needHost = (form) => {
    const button = form.querySelector("[data-check]");
    const host = form.elements.host;
    if (!button || host.disabled) return;
    const apply = () => { button.disabled = host.value.trim() === ""; };
    host.addEventListener("input", apply);
    apply();
  };

  const followSignIn = (form) => {
    const apply = () => {
      const chosen = (form.querySelector('[name="auth"]:checked') || {}).value;
      for (const part of all("[data-auth]", form)) {
        part.hidden = !part.dataset.auth.split(" ").includes(chosen);
      }
    };
    for (const radio of all('[name="auth"]', form)) radio.addEventListener("change", apply);
    apply();
  };

  const showSample = (form) => {
    const prefix = form.elements.subject_prefix;
    const sample = form.querySelector("[data-sample]");
    const subject = sample.querySelector("strong").textContent;
    const apply = () => {
      sample.hidden = prefix.value === "";
      sample.querySelector("strong").textContent = prefix.value + subject;
    };
    prefix.addEventListener("input", apply);
    apply();
  };

  /* The eye shows newly typed text only: a saved secret never comes to the page */
  const enableReveal = () => {
    for (const input of all('input[type="password"][data-secret]')) {
      const eye = input.parentElement.querySelector("[data-reveal]");
      const show = (visible) => {
        input.type = visible ? "text" : "password";
        eye.setAttribute("aria-pressed", String(visible));
      };
      input.addEventListener("input", () => { eye.hidden = input.value === ""; if (eye.hidden) show(false); });
      eye.addEventListener("click", () => show(input.type === "password"));
      input.form.addEventListener("submit", () => show(false));
    }
  };

  /* A check: steps show up as the server finishes them ------------------------------- */

  const STREAM = "application/x-ndjson";

  const showStep = (ladder, step) => {
    const row = ladder.querySelector(`[data-step="${step.name}"]`);
    const look = document.querySelector(`template[data-look="${step.state}"]`);
    if (!row || !look) return;
    const parts = look.content.cloneNode(true);
    const word = parts.querySelector("[data-tone]");
    row.className = word.dataset.tone;
    row.dataset.state = step.state;
    row.querySelector("svg").replaceWith(parts.querySelector("svg"));
    row.querySelector(".sa-ladder-word").textContent = word.textContent;
    row.querySelector(".sa-ladder-detail").textContent = step.detail || step.reply || "";
    row.querySelector(".sa-ladder-ms").textContent = step.ms ? `${Math.round(step.ms)} ms` : "";
  };

  const runNext = (ladder) => {
    const next = ladder.querySelector('[data-state="pending"]');
    if (next) showStep(ladder, { name: next.dataset.step, state: "running" });
  };

  const readLines = async (body, onLine) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) onLine(JSON.parse(line));
    }
  };

  const check = async (form, button, result) => {
    const data = new FormData(form, button);
    const words = document.getElementById("ladder-template").dataset;
    const stop = new AbortController();
    const started = Date.now();
    result.replaceChildren(document.getElementById("ladder-template").content.cloneNode(true));
    if (!String(data.get("to") || "").trim()) {
      for (const name of ["sender", "recipient", "message"]) result.querySelector(`[data-step="${name}"]`).remove();
    }
    result.querySelector("[data-cancel]").addEventListener("click", () => stop.abort());
    const clock = setInterval(() => {
      const elapsed = result.querySelector("[data-elapsed]");
      if (elapsed) elapsed.textContent = Math.round((Date.now() - started) / 1000);
    }, 500);
    runNext(result);
    result.scrollIntoView({ block: "nearest" });
    button.disabled = true;
    try {
      const address = button.getAttribute("formaction") || form.action;
      const response = await fetch(address, { method: "POST", body: data, headers: { Accept: STREAM }, signal: stop.signal });
      if (!(response.headers.get("Content-Type") || "").startsWith(STREAM)) throw new Error(words.answeredWord.replace("{status}", response.status));
      await readLines(response.body, (line) => {
        if (line.step) { showStep(result, line.step); runNext(result); }
        if (line.html) { result.innerHTML = line.html; enableCopying(result); }
      });
    } catch (error) {
      const text = stop.signal.aborted ? words.cancelledWord : words.brokenWord.replace("{why}", error.message);
      const head = result.querySelector(".sa-report-head strong");
      if (head) head.textContent = text;
      for (const part of all("[data-cancel], .sa-report-head .sa-muted", result)) part.remove();
      for (const row of all('[data-state="running"]', result)) showStep(result, { name: row.dataset.step, state: "skipped" });
    } finally {
      clearInterval(clock);
      button.disabled = false;
    }
  };

  const enableChecks = () => {
    if (!document.getElementById("ladder-template") || !window.TextDecoderStream) return;
    for (const button of all("[data-check]")) {
      button.addEventListener("click", (event) => {
        const result = button.closest(".sa-card").querySelector("[data-result]");
        event.preventDefault();
        check(button.form, button, result);
      });
    }
  };

  /* A test that was begun: with a script its page comes at once, and live.js keeps it up to date */

  const followTests = () => {
    for (const form of all("[data-follow]")) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "live", value: "1" }));
    }
  };

  /* A search for settings: rows show up as hosts answer --------------------------------- */

  const find = async (form, result) => {
    const stop = new AbortController();
    const started = Date.now();
    const button = form.querySelector("button");
    const words = document.getElementById("find-template").dataset;
    result.replaceChildren(document.getElementById("find-template").content.cloneNode(true));
    result.querySelector("[data-cancel]").addEventListener("click", () => stop.abort());
    const clock = setInterval(() => {
      const elapsed = result.querySelector("[data-elapsed]");
      if (elapsed) elapsed.textContent = Math.round((Date.now() - started) / 1000);
    }, 500);
    button.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: STREAM }, signal: stop.signal });
      if (!(response.headers.get("Content-Type") || "").startsWith(STREAM)) throw new Error(words.answeredWord.replace("{status}", response.status));
      await readLines(response.body, (line) => {
        if (line.row) result.querySelector("tbody").insertAdjacentHTML("beforeend", line.row);
        if (line.html) result.innerHTML = line.html;
      });
    } catch (error) {
      result.querySelector(".sa-report-head strong").textContent = stop.signal.aborted ? words.cancelledWord : words.brokenWord.replace("{why}", error.message);
      for (const part of all("[data-cancel], .sa-report-head .sa-muted", result)) part.remove();
    } finally {
      clearInterval(clock);
      button.disabled = false;
    }
  };

  const enableFinding = () => {
    if (!window.TextDecoderStream) return;
    for (const form of all("[data-find]")) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        find(form, form.parentElement.querySelector("[data-result]"));
      });
    }
  };

  /* On a telephone the current tab may be out of sight */
  const showCurrentTab = () => {
    for (const tab of all(".sa-tabs [aria-current]")) {
      tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16;
    }
    for (const entry of all(".sa-nav [aria-current]")) entry.scrollIntoView({ block: "nearest", inline: "center" });
  };

  enableCopying();
  showCurrentTab();
  localiseTimes();
  enableFilters();
  enableLiveFilter();
  enableSelection();
  guardForms();
  all("[data-server-form]").forEach(enhanceServerForm);
  enableReveal();
  enableChecks();
  enableFinding();
  followTests();
  document.addEventListener("smtpadmin:merged", () => {
    enableCopying();
    localiseTimes();
    showSelections();
  });
})();
