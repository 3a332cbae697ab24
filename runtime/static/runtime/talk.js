// The page "talk to a bot" without reloading: sends the form, says the answer as it comes (the events of the API), and takes
// the conversation out of the page as it is then.
(() => {
  const STREAM = "text/event-stream";

  const send = async (form, button) => {
    const values = new FormData(form, button?.name ? button : null);
    const said = values.get("press") ? button.textContent : values.get("message");
    if (!said.trim()) return;
    [...form.elements].forEach((field) => (field.disabled = true));
    try {
      const answer = await fetch(form.action, { method: "POST", body: values, headers: { Accept: `${STREAM}, text/html` } });
      const isStream = answer.headers.get("Content-Type").startsWith(STREAM);
      const problem = isStream && (await hear(answer.body, bubble("user", said) && bubble("assistant", "…")));
      show(await (isStream ? await fetch(location.href) : answer).text());
      if (problem) bubble("system", problem);
    } catch {
      location.reload(); // what was said stands in the conversation, or the server says what is wrong
    }
  };

  const bubble = (speaker, text) => {
    const line = document.createElement("div");
    line.className = "conversation-line";
    line.innerHTML = `<div class="said said-${speaker}"><div class="bubble" dir="auto"></div></div>`;
    document.getElementById("lines").append(line);
    const words = line.querySelector(".bubble");
    words.textContent = text;
    scrollDown();
    return words;
  };

  // Reads events to their end, and returns what went wrong; the words of strangers are only ever text.
  const hear = async (body, answered) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", reply = "";
    for (let part; !(part = await reader.read()).done; ) {
      const events = (rest + part.value).split("\n\n");
      rest = events.pop();
      for (const event of events) {
        const [, name, data] = event.match(/^event: (\w+)\ndata: (.*)$/s) ?? [];
        if (name === "sentence") reply += JSON.parse(data).text;
        if (name === "replace") reply = JSON.parse(data).message;
        if (name === "error") return JSON.parse(data).detail;
        answered.textContent = reply || "…";
        scrollDown();
      }
    }
  };

  const show = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html").getElementById("talk");
    if (!page) return location.reload(); // logged out, or the tenant was changed: let the server say so
    document.getElementById("talk").replaceWith(page);
    listen();
  };

  const scrollDown = () => document.getElementById("talk").scrollIntoView({ block: "end" });

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
