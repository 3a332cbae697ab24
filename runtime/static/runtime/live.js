// Keeps the part of a page marked by data-live up to date: asks for it every 5 s while somebody looks at the page.
(() => {
  const EVERY = 5000;

  const show = (part, fresh) => {
    if (fresh.dataset.state !== part.dataset.state) {
      const typed = document.querySelector("textarea")?.value.trim();
      if (!typed) return location.reload();
      document.getElementById("stale")?.removeAttribute("hidden"); // what is typed is not lost
    }
    if (fresh.innerHTML !== part.innerHTML) {
      const more = fresh.querySelectorAll(".conversation-line").length > part.querySelectorAll(".conversation-line").length;
      part.innerHTML = fresh.innerHTML;
      if (more) scrollDown();
    }
    const badge = document.querySelector(`a[href="${part.dataset.menu}"] > span.font-semibold`);
    if (badge && fresh.dataset.count) badge.textContent = fresh.dataset.count;
  };

  const refresh = async () => {
    const part = document.querySelector("[data-live]");
    if (!part || document.hidden) return;
    try {
      const answer = await fetch(part.dataset.live);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
      if (!fresh) return location.reload(); // logged out, or the tenant was changed: let the server say so
      show(part, fresh);
    } catch {
      // no connection now: the next time
    }
  };

  // What can be done stands under the newest message, so both are seen.
  const scrollDown = () => document.querySelector(".handover-foot")?.scrollIntoView({ block: "end" });

  document.addEventListener("DOMContentLoaded", () => {
    scrollDown();
    const text = document.querySelector("#answer textarea");
    text?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || !text.value.trim()) return;
      event.preventDefault();
      document.getElementById("answer").requestSubmit();
    });
    setInterval(refresh, EVERY);
  });
})();
