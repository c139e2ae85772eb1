// The live auction page. The server decides everything; this shows it, and sends a quote exactly once.
(() => {
  "use strict";
  const root = document.querySelector("[data-auction]");
  if (!root || !window.EventSource || !window.fetch) return;

  const zh = root.dataset.lang === "zh";
  const words = (chinese, english) => (zh ? chinese : english);
  const one = (selector) => root.querySelector(selector);
  const mask = root.dataset.mask;
  const quantity = BigInt(root.dataset.quantityG);
  const years = Number(root.dataset.years);
  const term = root.dataset.basis === "TERM";
  let ownFen = Number(root.dataset.ownFen || 0);
  let state = null;
  let over = false;

  // Numbers: fen are whole; the amount is computed as the server does, half up to the fen.
  const yuan = (fen) => (fen / 100).toLocaleString("en", { minimumFractionDigits: fen % 100 ? 2 : 0, maximumFractionDigits: 2 });
  const price = (fen) => (term
    ? words(`${yuan(fen)} 元/吨(${years}年期)`, `CNY ${yuan(fen)} per tonne (${years}-year term)`)
    : words(`${yuan(fen)} 元/吨·年`, `CNY ${yuan(fen)} per tonne-year`));
  const amount = (fen) => {
    const exact = quantity * BigInt(fen) * BigInt(term ? 1 : years);
    const total = Number((2n * exact + 1000000n) / 2000000n);
    const text = (total / 100).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return words(`合 ${text} 元`, `in all CNY ${text}`);
  };
  const clockText = (instant) => new Intl.DateTimeFormat("en-GB", {
    timeZone: "Asia/Shanghai", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hour12: false,
  }).format(instant);

  // Time: the offset of the sample with the shortest round trip; the page's own clock decides nothing.
  const clock = { offset: Date.parse(root.dataset.serverNow) - Date.now(), trip: Infinity, mono: Date.now() - performance.now() };
  const localNow = () => clock.mono + performance.now();
  const serverNow = () => localNow() + clock.offset;
  const measure = async () => {
    const sent = localNow();
    const answer = await fetch(root.dataset.clockUrl, { cache: "no-store" });
    const { server_now: at } = await answer.json();
    const back = localNow();
    const trip = back - sent;
    // An older, better sample grows stale as the two clocks drift apart.
    clock.trip += 5;
    if (trip > clock.trip) return;
    clock.trip = trip;
    clock.offset = Date.parse(at) - (sent + back) / 2;
    one("[data-latency]").hidden = false;
    one("[data-latency-ms]").textContent = Math.round(trip);
    const off = Math.round(-(clock.offset + clock.mono - (Date.now() - performance.now())));
    one("[data-offset]").hidden = Math.abs(off) > 86400000; // the demo lives in another year: no fault of this computer
    one("[data-offset-ms]").textContent = off;
  };
  const measureOften = async (samples) => {
    for (let n = 0; n < samples; n += 1) {
      try { await measure(); } catch { /* the connection notice says so */ }
    }
  };

  const phaseAt = (now) => {
    if (!state) return null;
    const at = (name) => (state[name] ? Date.parse(state[name]) : null);
    if (state.closed) return ["CLOSED", null];
    if (now < at("opens_at")) return ["BEFORE", at("opens_at")];
    if (now < at("free_ends_at")) return ["FREE", at("free_ends_at")];
    if (at("timed_starts_at") === null) return ["CLOSED", null];
    if (now < at("timed_starts_at")) return ["WAIT", at("timed_starts_at")];
    if (now < at("ends_at")) return ["TIMED", at("ends_at")];
    return ["CLOSED", null];
  };
  const endsLabel = {
    BEFORE: words("距开始", "Opens in"),
    FREE: words("距自由竞价结束", "Free period ends in"),
    WAIT: words("距限时竞价开始", "Timed period opens in"),
    TIMED: words("距结束(无新报价时)", "Ends, without a new quote, in"),
    CLOSED: words("竞价已结束", "The auction is over"),
  };

  // Speech for screen readers: what changed for me, never every tick.
  const speech = one("[data-speech]");
  const say = (text) => { speech.textContent = text; };

  const two = (n) => String(n).padStart(2, "0");
  const leftText = (ms) => {
    const tenths = Math.max(0, Math.ceil(ms / 100));
    const seconds = Math.floor(tenths / 10);
    const days = Math.floor(seconds / 86400);
    const hours = Math.floor((seconds % 86400) / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    if (days) return words(`${days} 天 ${hours} 时 ${two(minutes)} 分`, `${days} d ${hours} h ${two(minutes)} min`);
    const short = `${two(minutes)}:${two(seconds % 60)}.${tenths % 10}`;
    return hours ? `${hours}:${short}` : short;
  };
  let lastPhase = null;
  let announced = Infinity;
  const tick = () => {
    const now = serverNow();
    one("[data-server-clock]").textContent = clockText(now);
    const here = phaseAt(now);
    if (!here) return;
    const [phase, until] = here;
    one("[data-phase-label]").textContent = endsLabel[phase];
    const left = one("[data-left]");
    left.textContent = until === null ? words("已结束", "Over") : leftText(until - now);
    left.classList.toggle("a-clock__left--soon", until !== null && until - now < 60000);
    one("[data-until]").textContent = until === null ? "—" : clockText(until);
    if (until !== null) one("[data-until]").dateTime = new Date(until).toISOString();
    if (phase !== lastPhase) {
      if (lastPhase !== null) say(endsLabel[phase]);
      lastPhase = phase;
      announced = Infinity;
      for (const control of root.querySelectorAll("[data-quote] button, [data-quote] #a-price")) {
        control.disabled = !(phase === "FREE" || phase === "TIMED");
      }
      if (phase === "CLOSED" && !over) setTimeout(awaitResult, 1500);
    }
    if (until !== null) {
      for (const mark of [60, 30, 10]) {
        if (until - now < mark * 1000 && announced > mark) {
          announced = mark;
          say(words(`还剩${mark}秒`, `${mark} seconds left`));
        }
      }
    }
  };

  // After the end the result is recorded within a second or two; it comes as an event, or by looking.
  const awaitResult = async () => {
    if (over) return;
    try {
      const body = await (await fetch(root.dataset.stateUrl, { cache: "no-store" })).json();
      if (body.state.closed) { location.reload(); return; }
    } catch { /* look again */ }
    setTimeout(awaitResult, 3000);
  };

  const show = (next) => {
    const wasLeading = state ? state.leader === mask : ownFen > 0 && one(".a-mine__words--leading");
    if (state && next.event < state.event) return;
    state = next;
    announced = Infinity;
    one("[data-count]").textContent = state.seq;
    one("[data-best]").textContent = state.best_fen === null ? words("尚无报价", "No quote yet") : price(state.best_fen);
    one("[data-leader]").textContent = state.leader ? words(`竞买人 ${state.leader}`, `Bidder ${state.leader}`) : "";
    one("[data-amount]").textContent = state.best_fen === null ? "" : ` ${amount(state.best_fen)}`;
    const next_ = one("[data-next]");
    if (next_) next_.textContent = price(state.next_fen);
    for (const button of root.querySelectorAll("[data-steps]")) {
      const fen = state.next_fen + (Number(button.dataset.steps) - 1) * state.increment_fen;
      button.value = (fen / 100).toFixed(2);
      button.querySelector("[data-step-price]").textContent = price(fen);
    }
    const standing = one("[data-standing]");
    if (standing) {
      const leading = state.leader === mask;
      standing.textContent = leading ? words("领先", "You are leading")
        : ownFen ? words("已被超过", "You have been outbid") : words("尚未报价", "You have not quoted yet");
      standing.classList.toggle("a-mine__words--leading", leading);
      standing.classList.toggle("a-mine__words--outbid", !leading && ownFen > 0);
      if (wasLeading && !leading) {
        say(words(`您的报价已被超过，当前最高 ${price(state.best_fen)}`, `You have been outbid; the best is ${price(state.best_fen)}`));
      }
    }
    tick();
  };

  const row = (bid) => {
    const body = one("[data-bids]");
    if (Number(body.closest("table").dataset.page) !== 1) return;
    for (const known of body.rows) if (Number(known.cells[0].textContent) === bid.seq) return;
    const mine = bid.mask === mask;
    const line = document.createElement("tr");
    if (mine) line.className = "a-own-row";
    const cell = (kind, text, name) => {
      const made = document.createElement(kind);
      made.textContent = text;
      if (name) made.className = name;
      if (kind === "th") made.scope = "row";
      line.append(made);
    };
    cell("th", bid.seq, "num");
    cell("td", mine ? `${bid.mask} ${words("(我)", "(me)")}` : bid.mask);
    cell("td", price(bid.price_fen), "num");
    cell("td", clockText(Date.parse(bid.at)), "t-num");
    cell("td", bid.phase === "FREE" ? words("自由", "free") : words("限时", "timed"));
    body.prepend(line);
    while (body.rows.length > 25) body.lastElementChild.remove();
    const empty = one("[data-empty]");
    if (empty) empty.remove();
  };

  // Live events: the browser comes back by itself and names the last event it saw.
  const notice = one("[data-connection]");
  const tell = (text) => { notice.textContent = text; notice.hidden = !text; };
  const source = new EventSource(`${root.dataset.eventsUrl}?after=${root.dataset.event}`);
  source.addEventListener("bid", (event) => {
    const bid = JSON.parse(event.data);
    if (bid.mask === mask) ownFen = Math.max(ownFen, bid.price_fen);
    row(bid);
    show(bid.state);
  });
  source.addEventListener("state", (event) => show(JSON.parse(event.data)));
  source.addEventListener("result", () => { over = true; source.close(); location.reload(); });
  source.addEventListener("status", (event) => {
    tell(JSON.parse(event.data).live ? "" : words("数据库正在恢复，恢复后自动补齐。已确认的报价不会丢失。", "The database is coming back; what you missed follows by itself. No confirmed quote is lost."));
  });
  source.addEventListener("open", () => tell(""));
  source.addEventListener("error", () => {
    tell(words("与服务器的连接中断，正在自动重连；连上后会补齐期间的报价。", "The connection is interrupted and being restored; the quotes you missed will follow."));
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 3000);
  });

  // A quote: one key per click; a lost answer is asked for again under the same key, so it never bids twice.
  const newKey = () => (crypto.randomUUID ? crypto.randomUUID()
    : Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join(""));
  const answerLine = one("[data-answer]");
  const answer = (text, kind) => {
    answerLine.textContent = text;
    answerLine.className = `a-answer${kind ? ` a-answer--${kind}` : ""}`;
  };
  const confirmBox = one("[data-confirm]");
  let sending = false;
  const send = async (form, text, confirm) => {
    if (sending) return;
    sending = true;
    const key = newKey();
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    answer(words("正在提交…", "Sending…"));
    for (let attempt = 0; ; attempt += 1) {
      try {
        const response = await fetch(root.dataset.bidsUrl, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRFToken": token, "Idempotency-Key": key },
          body: JSON.stringify({ price: text, confirm }),
        });
        const body = await response.json();
        if (response.status === 201) {
          ownFen = Math.max(ownFen, body.price_fen);
          answer(words(`报价 ${price(body.price_fen)} 已生效，序号 ${body.seq}。`, `Your quote of ${price(body.price_fen)} stands, number ${body.seq}.`), "accepted");
          if (confirmBox) { confirmBox.hidden = true; confirmBox.querySelector("input").checked = false; }
          const field = one("#a-price");
          if (field) field.value = "";
          break;
        }
        if (response.status === 503 && attempt < 20) throw new Error("busy");
        if (body.code === "auction.bid.confirm_jump" && confirmBox) confirmBox.hidden = false;
        answer(`${body.title} ${body.detail && body.detail !== body.title ? body.detail : ""}`, "refused");
        break;
      } catch {
        if (attempt >= 20) {
          answer(words("没有收到服务器的答复。请刷新页面，在报价列表中核对是否已生效。", "No answer from the server. Reload and look in the list whether the quote stands."), "refused");
          break;
        }
        answer(words("没有收到答复，正在用同一编号重发(不会重复报价)…", "No answer yet; sending again under the same key (it cannot bid twice)…"));
        await new Promise((done) => { setTimeout(done, Math.min(3000, 300 * 2 ** attempt)); });
      }
    }
    sending = false;
  };
  for (const form of root.querySelectorAll("[data-quote]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const field = form.querySelector("#a-price");
      const box = form.querySelector("[name=confirm]");
      send(form, event.submitter && event.submitter.name === "quick" ? event.submitter.value : field.value.trim(), Boolean(box && box.checked));
    });
  }
  const own = one("#a-price");
  if (own) {
    own.addEventListener("input", () => {
      const fen = Math.round(Number(own.value.replaceAll(",", "")) * 100);
      const known = state && Number.isFinite(fen) && fen > 0;
      one("[data-own-total]").textContent = known ? amount(fen) : "";
      const far = known && fen > Number(root.dataset.confirmFactor) * state.next_fen;
      if (confirmBox) confirmBox.hidden = !far;
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.closest("input, select, textarea")) return;
    const button = one(`[data-steps="${CSS.escape(event.key)}"]`);
    if (button && !button.disabled) { event.preventDefault(); button.focus(); button.click(); }
  });

  const begin = async () => {
    try {
      const body = await (await fetch(root.dataset.stateUrl, { cache: "no-store" })).json();
      if (body.me && body.me.own_best_fen) ownFen = body.me.own_best_fen;
      over = body.state.closed;
      show(body.state);
    } catch { /* the first event brings the state */ }
    await measureOften(5);
  };
  begin();
  setInterval(tick, 100);
  if (root.dataset.mayBid) setInterval(() => measureOften(1), 20000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) measureOften(2); });
})();
