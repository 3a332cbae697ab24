// On a small screen each cell of a list stands behind its column's name: written as a sentence begins, in any language.
document.addEventListener("DOMContentLoaded", () => {
  for (const cell of document.querySelectorAll("[data-label]")) {
    const [first = "", ...rest] = cell.dataset.label.trim();
    cell.dataset.label = first.toLocaleUpperCase(document.documentElement.lang || "en") + rest.join("");
  }
});
