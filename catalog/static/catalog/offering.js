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
