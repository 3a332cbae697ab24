// Shows the next times of a schedule while somebody types when it is to run.
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const shown = document.querySelector("[data-times]");
    const [cron, zone] = [document.getElementById("id_cron"), document.getElementById("id_time_zone")];
    if (!shown || !cron || !zone) return;
    let waiting;

    const show = async () => {
      if (!cron.value.trim()) return (shown.textContent = "–");
      const asked = new URLSearchParams({ cron: cron.value, time_zone: zone.value });
      const answer = await fetch(`${shown.dataset.times}?${asked}`);
      if (answer.ok) shown.innerHTML = await answer.text();
    };

    const soon = () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, 300);
    };
    cron.addEventListener("input", soon);
    zone.addEventListener("change", soon);
    window.django?.jQuery?.(zone).on("change", soon);
    if (cron.value) show();
  });
})();
