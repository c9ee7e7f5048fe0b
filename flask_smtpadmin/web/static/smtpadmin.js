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

  /* Filters that apply at once ---------------------------------------------- */

  const enableFilters = () => {
    for (const select of all("[data-submit]")) {
      select.addEventListener("change", () => select.form.requestSubmit());
    }
  };

  /* Keys: a letter alone acts on the page, unless somebody types or has switched that off ------ */

  const enableKeys = () => {
    const dialog = document.getElementById("sa-keys");
    if (!dialog) return;

    const CHOICE = "smtpadmin.keys";
    const TYPING = "input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]";
    const onOff = dialog.querySelector("[data-keys-on]");

    const move = (by) => {
      const links = all(".sa-main tbody .sa-row-link").filter((link) => link.offsetParent);
      const row = document.activeElement.closest("tr");
      const at = row ? links.findIndex((link) => link.closest("tr") === row) : -1;
      const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
      if (links[next]) links[next].focus();
    };

    const first = (selector) => document.querySelector(selector);

    const KEYS = {
      "/": () => first("[data-search]")?.focus(),
      j: () => move(1),
      k: () => move(-1),
      r: () => first("[data-live-refresh]")?.click(),
      "?": () => dialog.showModal(),
    };

    document.addEventListener("keydown", (event) => {
      const act = KEYS[event.key];
      if (!act || !onOff.checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.target.closest(TYPING) || first("dialog[open]")) return;
      event.preventDefault();
      act();
    });

    try { onOff.checked = localStorage.getItem(CHOICE) !== "off"; } catch { /* then they are on */ }
    onOff.addEventListener("change", () => {
      try { localStorage.setItem(CHOICE, onOff.checked ? "on" : "off"); } catch { /* for this page only */ }
    });
    for (const item of all("[data-keys-open]")) {
      item.hidden = false;
      item.querySelector("button").addEventListener("click", () => dialog.showModal());
    }
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

  /* A test that was begun: with a script its page comes at once, and live.js keeps it up to date */

  const followTests = () => {
    for (const form of all("[data-follow]")) {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "live", value: "1" }));
    }
  };

  /* On a telephone the current tab may be out of sight */
  const showCurrentTab = () => {
    for (const tab of all(".sa-tabs [aria-current]")) {
      tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 16;
    }
    for (const entry of all(".sa-nav [aria-current]")) entry.scrollIntoView({ block: "nearest", inline: "center" });
  };

  /* A menu closes with Escape, and when something else is pressed */
  const enableMenus = () => {
    const open = () => document.querySelector(".sa-menu[open]");
    document.addEventListener("keydown", (event) => {
      const menu = open();
      if (event.key !== "Escape" || !menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => {
      const menu = open();
      if (menu && !menu.contains(event.target)) menu.open = false;
    });
  };

  enableCopying();
  enableMenus();
  showCurrentTab();
  localiseTimes();
  enableFilters();
  enableKeys();
  enableLiveFilter();
  enableSelection();
  guardForms();
  all("[data-server-form]").forEach(enhanceServerForm);
  enableReveal();
  followTests();
  document.addEventListener("smtpadmin:merged", () => {
    enableCopying();
    localiseTimes();
    showSelections();
  });
})();
