// Opens a row that was just added to a page where rows are folded up: whoever adds one is about to fill it in.
(() => {
  document.addEventListener("formset:added", ({ target }) => {
    const title = target.querySelector("h3[x-bind\\:class*=openRow] strong");
    if (title) setTimeout(() => title.click()); // after the row has come to life
  });
})();
