/* Note each element that the focus comes to: its place in the order of reading, and how it shows. */
(() => {
  const reach = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  const name = (part) => part.outerHTML.replace(/\s+/g, " ").slice(0, 110);
  const ends = (part) => {
    if (part.disabled || part.type === "hidden" || part.tabIndex < 0) return false;
    if (part.closest("fieldset:disabled")) return false;
    if (!part.checkVisibility({ visibilityProperty: true })) return false;
    if (part.type !== "radio") return true;
    const group = [...document.querySelectorAll(`input[type=radio][name="${part.name}"]`)]
      .filter((one) => one.form === part.form && !one.disabled);
    return (group.find((one) => one.checked) || group[0]) === part;
  };
  const look = (part) => {
    const how = getComputedStyle(part);
    return [how.outlineStyle, how.outlineWidth, how.outlineColor].join(" ");
  };
  const all = [...document.querySelectorAll(reach)].filter(ends);
  window.walk = { wanted: all.map(name), before: all.map(look), steps: [] };
  document.addEventListener("focusin", (event) => {
    const part = event.target, at = all.indexOf(part), box = part.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height, 40) / 2);
    const covered = top && top.closest(".sa-top, .sa-nav") && !part.closest(".sa-top, .sa-nav, .sa-skip");
    window.walk.steps.push({ at, name: name(part), look: look(part), covered: Boolean(covered) });
  });
})();
