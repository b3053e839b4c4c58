// Numbers that can be asked: a click on one, or the keyboard, opens a panel under its line with the
// line that made it, whose numbers can be asked in turn. The same file serves a saved page, the
// studio and notebooks; what differs is only who answers.

const BLOCKS = ".chain, .table, p, details, [data-askable]"; // after which the panel opens

/** Typeset one formula by KaTeX. Each part named in data-asks becomes an element [data-why]. */
export function typeset(place) {
  if (place.firstElementChild) return;
  const marks = [...(place.dataset.asks ?? "").matchAll(/(\d+) (\d+) ([^;]+)/g)]
    .map(([, from, to, why]) => ({ from: +from, to: +to, why }))
    .sort((a, b) => b.from - a.from);
  let tex = (place.source = place.textContent);
  marks.forEach(({ from, to }, k) => {
    tex = `${tex.slice(0, from)}\\htmlData{mark=${k}}{${tex.slice(from, to)}}${tex.slice(to)}`;
  });
  const trust = ({ command }) => command === "\\htmlData";
  // On paper nobody sees or hears the MathML beside a formula; it takes a third of the time.
  const output = place.closest(".paper") ? "html" : "htmlAndMathml";
  globalThis.katex.render(tex, place, { throwOnError: false, strict: "ignore", trust, output });
  for (const part of place.querySelectorAll("[data-mark]")) {
    part.dataset.why = part.title = marks[part.dataset.mark].why;
    delete part.dataset.mark;
  }
}

/** The HTML of a part of the page as it was before its formulas were typeset. */
export function asWritten(part) {
  const copy = part.cloneNode(true);
  const places = part.querySelectorAll(".math");
  copy.querySelectorAll(".math").forEach((place, k) => (place.textContent = places[k].source ?? places[k].textContent));
  return copy.outerHTML;
}

/**
 * Let the numbers of a derivation in `root` be asked. ask(question) gives the answer's HTML, or a
 * promise of it. Words come from the nearest [data-words]. Returns a function that takes it back.
 */
export function asking(root, ask) {
  const words = JSON.parse((root.closest("[data-words]") ?? root.querySelector("[data-words]")).dataset.words);
  const hint = made("p", "hint", words.hint);
  root.querySelector("section")?.before(hint);
  const panel = made("aside", "asked");
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", words.panel);
  const back = made("button", "back", words.back);
  const heading = made("strong", "question");
  heading.tabIndex = -1;
  const close = made("button", "close", "×");
  close.setAttribute("aria-label", words.close);
  const answer = made("div", "answer");
  answer.setAttribute("aria-live", "polite");
  const head = made("div", "head");
  head.append(back, heading, close);
  panel.append(head, answer);

  let trail = []; // what was asked, one after the other
  let opener = null; // where the focus goes back to
  let here = null; // the block under which the panel stands
  prepare(root);

  function prepare(part) {
    for (const code of part.querySelectorAll("code[data-why]")) {
      code.tabIndex = 0;
      code.setAttribute("role", "button");
    }
    for (const block of part.querySelectorAll(".chain, .table, p")) {
      if (!block.querySelector("[data-asks]")) continue;
      const button = made("button", "numbers", words.numbers);
      block.prepend(button);
    }
  }

  function open(from) {
    const block = from.closest("summary")?.parentElement ?? from.closest(BLOCKS);
    if (!panel.contains(from)) {
      opener = from.closest("button, code") ?? block.querySelector(".numbers");
      trail = [];
      here = block;
      const next = block.nextElementSibling;
      (next?.matches(".note") ? next : block).after(panel);
    }
  }

  async function show(question, step = 1) {
    if (step > 0) trail.push(question);
    head.hidden = false;
    back.hidden = trail.length < 2;
    heading.replaceChildren(made("code", "", question));
    panel.setAttribute("aria-busy", "true");
    let html;
    try {
      const line = lines(question)[0];
      const above = line && !("zero" in line.dataset) && line.closest(BLOCKS) === here;
      html = above ? made("p", "", words.here).outerHTML : await ask(question);
    } catch (error) {
      html = made("p", "trouble", error?.message || String(error)).outerHTML;
    }
    if (trail.at(-1) !== question || !panel.isConnected) return; // asked on meanwhile
    answer.innerHTML = html;
    answer.querySelectorAll(".math").forEach(typeset);
    answer.querySelectorAll("[id]").forEach((part) => part.removeAttribute("id"));
    prepare(answer);
    stands(question);
    settle();
  }

  function lines(question) {
    const all = root.querySelectorAll(`[data-makes="${CSS.escape(question)}"]`);
    return [...all].filter((line) => !panel.contains(line));
  }

  // Where the number's own line stands on the page, if it does.
  function stands(question) {
    const line = lines(question)[0] ?? lines(question.replace(/\[.*/, ""))[0];
    if (!line || line.closest(BLOCKS) === here) return;
    const go = made("button", "go", words.go);
    go.addEventListener("click", () => {
      for (let fold = line.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
      const block = line.closest(BLOCKS);
      block.tabIndex = 0;
      block.focus({ preventScroll: true });
      block.scrollIntoView({ block: "center" });
    });
    answer.append(go);
  }

  function list(block) {
    const seen = new Map();
    for (const place of block.querySelectorAll("[data-asks]")) {
      for (const part of place.querySelectorAll("[data-why]")) {
        seen.set(part.dataset.why, part.textContent); // the last one is the number
      }
    }
    const items = made("ul");
    for (const [question, shown] of seen) {
      const button = made("button", "", `${shown} `);
      button.dataset.why = question;
      button.append(made("code", "", question));
      const item = made("li");
      item.append(button);
      items.append(item);
    }
    head.hidden = false;
    back.hidden = true;
    heading.textContent = words.numbers;
    answer.replaceChildren(items);
    settle();
  }

  function settle() {
    panel.removeAttribute("aria-busy");
    heading.focus({ preventScroll: true });
    panel.scrollIntoView({ block: "nearest" });
  }

  function leave() {
    panel.remove();
    opener?.focus({ preventScroll: true });
  }

  function clicked(event) {
    const { target } = event;
    if (target.closest(".numbers")) {
      const block = target.closest(BLOCKS);
      block.querySelectorAll(".math").forEach(typeset);
      open(target);
      list(block);
      return;
    }
    if (target === back) {
      trail.pop();
      show(trail.at(-1), 0);
      return;
    }
    if (target === close) return leave();
    const number = target.closest("[data-why]");
    if (!number || !root.contains(number)) return;
    event.preventDefault(); // a fold's heading stays as it is
    open(number);
    show(number.dataset.why);
  }

  function pressed(event) {
    if (event.key === "Escape" && panel.contains(event.target)) leave();
    else if ((event.key === "Enter" || event.key === " ") && event.target.matches("code[data-why]")) clicked(event);
  }

  root.addEventListener("click", clicked);
  root.addEventListener("keydown", pressed);
  return () => {
    panel.remove();
    hint.remove();
    root.removeEventListener("click", clicked);
    root.removeEventListener("keydown", pressed);
  };
}

function made(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (tag === "button") element.type = "button";
  element.textContent = text;
  return element;
}
