// The page "talk to a bot" without reloading: sends the form, and takes the conversation out of the page that comes back.
(() => {
  const scrollDown = () => document.getElementById("talk").scrollIntoView({ block: "end" });

  const send = async (form, button) => {
    const values = new FormData(form, button?.name ? button : null);
    if (!values.get("message").trim() && !values.get("press")) return;
    [...form.elements].forEach((field) => (field.disabled = true));
    try {
      const answer = await fetch(form.action, { method: "POST", body: values });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("talk");
      if (!page) return location.reload(); // logged out, or the tenant was changed: let the server say so
      document.getElementById("talk").replaceWith(page);
      listen();
    } catch {
      [...form.elements].forEach((field) => (field.disabled = false));
      if (button?.name) return location.reload();
      form.submit(); // the browser tells what is wrong with the connection
    }
  };

  const listen = () => {
    const form = document.getElementById("say");
    const text = form?.querySelector("textarea");
    if (!text) return;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form, event.submitter);
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send(form);
    });
    text.focus();
    scrollDown();
  };

  document.addEventListener("DOMContentLoaded", listen);
})();
