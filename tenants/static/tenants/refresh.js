// Keeps the part of a page marked by data-refresh up to date: asks for it every 5 s while somebody looks at the page.
(() => {
  const EVERY = 5000;

  const refresh = async () => {
    const part = document.querySelector("[data-refresh]");
    if (!part || document.hidden) return;
    try {
      const answer = await fetch(part.dataset.refresh);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-refresh]");
      if (!fresh) return location.reload(); // logged out, or the tenant was changed: let the server say so
      if (fresh.innerHTML !== part.innerHTML) part.innerHTML = fresh.innerHTML;
    } catch {
      // no connection now: the next time
    }
  };

  document.addEventListener("DOMContentLoaded", () => setInterval(refresh, EVERY));
})();
