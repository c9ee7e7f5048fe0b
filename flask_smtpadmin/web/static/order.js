/* Servers are dragged by their grip; without this file the buttons up and down do the same. */
"use strict";

(() => {
  const body = document.querySelector("[data-order]");
  const form = document.getElementById("move");
  if (!body || !form) return;

  const rowsOf = () => [...body.querySelectorAll("tr[data-server]")];

  const placeAt = (y, row) => {
    const others = rowsOf().filter((other) => other !== row);
    const next = others.find((other) => {
      const box = other.getBoundingClientRect();
      return y < box.top + box.height / 2;
    });
    if ((next || null) !== row.nextElementSibling) body.insertBefore(row, next || null);
  };

  const drag = (grip, event) => {
    const row = grip.closest("tr");
    const before = row.nextElementSibling;
    const stop = new AbortController();
    const options = { signal: stop.signal };
    const end = (kept) => {
      stop.abort();
      delete row.dataset.dragged;
      const next = row.nextElementSibling;
      if (!kept) body.insertBefore(row, before);
      if (!kept || next === before) return;
      form.action = body.dataset.order.replace("KEY", row.dataset.server);
      form.elements.before.value = next ? next.dataset.server : "";
      form.submit();
    };
    event.preventDefault();
    row.dataset.dragged = "";
    // on the document: a row that is put elsewhere loses a captured pointer
    document.addEventListener("pointermove", (move) => placeAt(move.clientY, row), options);
    document.addEventListener("pointerup", () => end(true), options);
    document.addEventListener("pointercancel", () => end(false), options);
    document.addEventListener("keydown", (key) => { if (key.key === "Escape") end(false); }, options);
  };

  for (const grip of body.querySelectorAll("[data-grip]")) {
    grip.hidden = false;
    grip.addEventListener("pointerdown", (event) => { if (event.button === 0) drag(grip, event); });
  }
})();
