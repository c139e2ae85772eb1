// Behaviour that every page shares. Pages work without it; it adds focus, keys, countdowns and a guard against
// the second click. No inline scripts: the Content-Security-Policy allows none.
(() => {
  "use strict";

  // The error summary takes the focus when a form comes back, so that screen readers start there.
  const summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();

  // A second click on the same form is held back; the idempotency key protects where this script does not run.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if ((form.getAttribute("method") || "").toLowerCase() !== "post" || form.hasAttribute("data-again")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
  });
  // The back button brings the page back as it was left: let its forms be sent again.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
  });

  for (const button of document.querySelectorAll("[data-back]")) button.addEventListener("click", () => history.back());
  for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());

  // Countdowns run on the server's time: its instant at rendering plus the time that passed here since.
  const loaded = performance.now();
  const clocks = [...document.querySelectorAll("[data-countdown]")].map((element) => ({
    element,
    left: element.querySelector(".t-countdown__left"),
    until: Date.parse(element.dataset.until),
    server: Date.parse(element.dataset.serverNow),
    words: element.dataset.words.split("|"),
  }));
  const two = (n) => String(n).padStart(2, "0");
  const tick = () => {
    for (const clock of clocks) {
      const seconds = Math.floor((clock.until - clock.server - (performance.now() - loaded)) / 1000);
      const [d, h, m, s, over] = clock.words;
      let text = over;
      if (seconds >= 0) {
        const days = Math.floor(seconds / 86400);
        const parts = [Math.floor((seconds % 86400) / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
        text = days > 0
          ? `${days} ${d} ${parts[0]} ${h} ${two(parts[1])} ${m}`
          : `${parts[0]} ${h} ${two(parts[1])} ${m} ${two(parts[2])} ${s}`;
      }
      clock.left.textContent = text;
      clock.left.hidden = false;
      clock.element.classList.toggle("t-countdown--soon", seconds < 86400);
    }
  };
  if (clocks.length) {
    tick();
    setInterval(tick, 1000);
  }

  // Lists: j and k move between rows, Enter opens (the row's first link has the focus), / goes to the filter.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
    if (event.key === "/") {
      const field = document.querySelector("[data-filter] input:not([type=hidden]), [data-filter] select");
      if (field) {
        event.preventDefault();
        field.focus();
      }
      return;
    }
    if (event.key !== "j" && event.key !== "k") return;
    const links = [...document.querySelectorAll("[data-keys] tbody tr, li[data-key-row], article[data-key-row]")]
      .map((row) => row.querySelector("a, button"))
      .filter(Boolean);
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    const next = event.key === "j" ? Math.min(at + 1, links.length - 1) : Math.max(at - 1, 0);
    event.preventDefault();
    links[next].focus();
  });
})();
