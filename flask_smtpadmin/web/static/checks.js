/* Checks of a server and searches for its settings: what is found shows up as it comes. */
"use strict";

(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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
        if (line.html) { result.innerHTML = line.html; document.dispatchEvent(new CustomEvent("smtpadmin:merged")); }
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

  enableChecks();
  enableFinding();
})();
