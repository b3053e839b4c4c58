// The card below (or beside) the picture: the chosen thing, its number to change, and its lines.

import { el } from "../shared/dom.js";
import { linesOf } from "./lines.js";
import { knobOf } from "./names.js";
import { text } from "../shared/numbers.js";

/** `words` speaks, `knob(name)` gives a slider with its field, `go(step)` walks to a stage. */
export function makeCard(words, makeKnob, go) {
  const title = el("h3", { class: "title" });
  const knobPlace = el("div", { class: "knob-place" });
  const lines = el("div", { class: "lines" });
  const root = el("section", { class: "card" }, title, knobPlace, lines, el("p", { class: "precise" }, words.say("precise")));
  let knob = null;
  let unfolded = false;

  function draw({ state, result, selected, stages, step }) {
    title.textContent = words.thing(selected, state);
    const name = knobOf(selected);
    if (knob?.name !== name) {
      knob = makeKnob(name);
      knobPlace.replaceChildren(knob.root);
    }
    knob.draw(state);

    const place = (line) => stages.findIndex((stage) => stage.id === line.stage);
    const all = linesOf(selected, state, result);
    const known = all.filter((line) => place(line) <= step);
    const next = all.find((line) => place(line) > step);
    // What this stage has just found comes first; what was known before lies below.
    const fresh = known.filter((line) => place(line) === step);
    const older = known.filter((line) => place(line) < step).reverse();
    lines.replaceChildren(
      ...fresh.map((line) => block(line, "fresh")),
      ...(fresh.length ? [fold(older)] : older.map((line) => block(line, "fresh"))),
      ...(next ? [ahead(place(next), stages, state)] : []),
    );
  }

  function fold(older) {
    if (!older.length) return "";
    const ontoggle = (event) => (unfolded = event.target.open);
    return el("details", { open: unfolded, ontoggle },
      el("summary", {}, words.say("earlier", { count: words.digits(older.length) })),
      older.map((line) => block(line, "")));
  }

  function block({ title: key, rows, say: [sentence, values] }, kind) {
    return el("article", { class: `line-of ${kind}`, "data-line": key },
      el("h4", {}, words.say(`line.${key}`)),
      el("div", { class: "rows" }, rows.map((row) => el("div", { class: "row" }, row.map(drawn)))),
      el("p", { class: "sentence" }, words.say(`say.${sentence}`, counted(values))),
    );
  }

  function counted(values = {}) {
    return "count" in values ? { ...values, count: words.digits(values.count) } : values;
  }

  function ahead(step, stages, state) {
    const label = words.say("ahead", { step: words.digits(step), stage: words.stage(stages[step], state) });
    return el("button", { class: "ahead", type: "button", onclick: () => go(step) }, label);
  }

  return { root, draw };
}

/** A piece of notation.js as an element. */
function drawn(piece) {
  if (typeof piece === "string") return piece;
  if ("num" in piece) {
    return el("span", { class: `n ${piece.num < 0 ? "neg" : "pos"}` }, text(piece.num, piece.digits));
  }
  if (piece.glued) return el("span", { class: "glued" }, piece.glued.map(drawn));
  if (piece.power) return el("span", {}, el("i", {}, "e"), el("sup", {}, piece.power.map(drawn)));
  if (piece.brace) {
    return el("span", { class: "brace" }, el("span", { class: "over" }, piece.brace.map(drawn)),
      el("span", { class: "under" }, piece.label.map(drawn)));
  }
  const marks = [piece.layer && `(${piece.layer})`, piece.index];
  return el("span", { class: "glued" }, el("i", {}, piece.sym),
    marks.some(Boolean) ? el("span", { class: marks.every(Boolean) ? "marks" : piece.layer ? "marks up" : "marks down" },
      marks.filter(Boolean).map((mark) => el("span", {}, mark))) : null);
}
