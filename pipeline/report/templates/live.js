"use strict";
(() => {
  const state = document.querySelector("#top .live");
  let version = 0;
  let failures = 0;

  const firstInView = () => [...document.querySelectorAll("#top, section.part")].find(
    (part) => part.getBoundingClientRect().bottom > 0);

  const remember = (part) => ({
    open: new Set([...part.querySelectorAll("details[id][open]")].map((details) => details.id)),
    closed: new Set([...part.querySelectorAll("details[id]:not([open])")].map((details) => details.id)),
    inputs: [...part.querySelectorAll("input[id]")].map((input) => [input.id, input.value]),
    focus: part.contains(document.activeElement) ? document.activeElement.id : "",
    scrolled: [...part.querySelectorAll(".pn-scroll, pre.log")].map((box) => [box.scrollLeft, box.scrollTop]),
  });

  const restore = (part, kept) => {
    for (const details of part.querySelectorAll("details[id]")) {
      if (kept.open.has(details.id)) details.open = true;
      if (kept.closed.has(details.id)) details.open = false;
    }
    for (const [id, value] of kept.inputs) {
      const input = document.getElementById(id);
      if (input) input.value = value;
    }
    window.penstock.prepare(part);
    [...part.querySelectorAll(".pn-scroll, pre.log")].forEach((box, index) => {
      const [left, top] = kept.scrolled[index] ?? [0, 0];
      box.scrollLeft = left;
      box.scrollTop = top;
    });
    if (kept.focus) document.getElementById(kept.focus)?.focus({ preventScroll: true });
  };

  const renew = (parts) => {
    const anchor = scrollY > 0 ? firstInView() : undefined;
    const before = anchor?.getBoundingClientRect().top ?? 0;
    for (const [id, html] of Object.entries(parts)) {
      const part = document.getElementById(id);
      if (!part) continue;
      const kept = remember(part);
      part.innerHTML = html;
      restore(part, kept);
    }
    if (anchor) scrollBy({ top: anchor.getBoundingClientRect().top - before, behavior: "instant" });
  };

  const say = (text) => {
    const shown = document.querySelector("#top .live") ?? state;
    if (shown) shown.textContent = text;
  };

  const ask = async () => {
    try {
      const answer = await fetch(`live.json?since=${version}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      failures = 0;
      if (Object.keys(found.parts).length) renew(found.parts);
      version = found.version;
      if (found.ended) {
        say("the run has ended");
        return;
      }
      say("live");
    } catch {
      failures += 1;
      if (failures > 4) {
        say("no longer renewed: the server has ended");
        return;
      }
    }
    setTimeout(ask, document.hidden ? 5000 : 1000);
  };
  ask();
})();
