// The attributes follow the domain: the page is shown once more with everything typed, and nothing is saved.
document.addEventListener("DOMContentLoaded", () => {
  const domain = document.querySelector("#offering_form select[name=domain]");
  if (!domain) return;
  domain.addEventListener("change", () => {
    const refresh = document.createElement("input");
    refresh.type = "hidden";
    refresh.name = "_refresh";
    refresh.value = "1";
    domain.form.append(refresh);
    domain.form.requestSubmit();
  });
});

// Unfold moves tabs for which there is no room into a menu, and measures before fonts are there: measure once more for each.
window.addEventListener("load", async () => {
  await document.fonts.ready;
  const moved = document.querySelectorAll("#tabs-dropdown > *").length;
  for (let one = 0; one < moved; one += 1) window.dispatchEvent(new Event("resize"));
});
