/* Texts that lie over one another, are cut off or stand beyond the edge, a line for each. */
() => {
  const flaws = [], boxes = [];
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > edge) {
    const wide = [...document.querySelectorAll("body *")]
      .filter((part) => part.getBoundingClientRect().right > edge + 1).slice(-1)[0];
    flaws.push(`the page is ${document.documentElement.scrollWidth - edge} px too wide: ${wide ? wide.outerHTML.slice(0, 120) : ""}`);
  }
  const seen = (part) => {
    for (let at = part; at && at.nodeType === 1; at = at.parentElement) {
      if (at.matches(".sa-visually-hidden, .sa-skip, option, template, .sa-menu-list, title")) return false;
      if (at.matches(".sa-nav, .sa-top") && ["fixed", "sticky"].includes(getComputedStyle(at).position)) return false;
      if (getComputedStyle(at).clipPath === "inset(50%)") return false;
      if (at.tagName === "TH" && getComputedStyle(at).position === "sticky") return false;
    }
    return part.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };
  const holder = (part) => {
    for (let at = part; at && at !== document.body; at = at.parentElement) {
      const how = getComputedStyle(at);
      if (how.overflowX !== "visible") return [at, how];
    }
    return [null, null];
  };
  const walker = document.createTreeWalker(document.querySelector("dialog[open]") || document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const part = node.parentElement;
    if (!node.textContent.trim() || !seen(part)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const [box, how] = holder(part);
    const cut = box ? box.getBoundingClientRect() : null;
    for (const rect of range.getClientRects()) {
      if (rect.width < 2 || rect.height < 2) continue;
      const words = node.textContent.trim().slice(0, 40);
      if (!box && rect.right > edge + 1) flaws.push(`beyond the edge: ${words}`);
      const cutOff = cut && (rect.right > cut.right + 1 || rect.left < cut.left - 1 || rect.bottom > cut.bottom + 3);
      if (cutOff) {
        const meant = ["auto", "scroll"].includes(how.overflowX) || how.textOverflow === "ellipsis" || how.webkitLineClamp !== "none";
        if (!meant) flaws.push(`cut off: ${words}`);
        continue;
      }
      boxes.push([rect, words, part]);
    }
  }
  boxes.sort((a, b) => a[0].top - b[0].top);
  for (let i = 0; i < boxes.length; i += 1) {
    for (let j = i + 1; j < boxes.length && boxes[j][0].top < boxes[i][0].bottom; j += 1) {
      if (boxes[i][2] === boxes[j][2]) continue;
      const [a, b] = [boxes[i][0], boxes[j][0]];
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 2 && down > 0.45 * Math.min(a.height, b.height)) flaws.push(`one over the other: ${boxes[i][1]} | ${boxes[j][1]}`);
    }
  }
  return [...new Set(flaws)];
}
