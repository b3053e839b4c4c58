// The examples by touch: numbers in rows, or squares of a 5 x 5 picture to tap.

import { config, count, make, t } from "../studio/page.js";
import { group, numberBox } from "./controls.js";
import { LARGEST, LOSSES, MOST, SQUARE } from "./state.js";

export function showData(state, change) {
  const rows = state.x.map((x, n) => example(state, change, x, state.y[n], n));
  const more = make("button", { type: "button", class: "quiet", "data-key": "add-example" }, t("play.data.add"));
  more.disabled = state.x.length >= MOST.examples;
  more.addEventListener("click", () =>
    change((s) => {
      s.x.push(s.x.at(-1).map((v) => (s.x[0].length === SQUARE ? 0 : v)));
      s.y.push([...s.y.at(-1)]);
    }),
  );
  return group("data", count(state.x.length), make("div", { class: "examples" }, ...rows), make("p", {}, more));
}

function example(state, change, x, y, n) {
  const drawn = x.length === SQUARE;
  const away = make("button", { type: "button", class: "quiet away", "data-key": `remove-${n}` }, "✕");
  away.setAttribute("aria-label", t("play.data.remove", { n: count(n + 1) }));
  away.disabled = state.x.length === 1;
  away.addEventListener("click", () => change((s) => [s.x, s.y].forEach((table) => table.splice(n, 1))));
  return make(
    "div",
    { class: drawn ? "example drawn" : "example", role: "group", "aria-label": t("play.data.example", { n: count(n + 1) }) },
    make("span", { class: "example-name" }, count(n + 1)),
    drawn ? picture(change, x, n) : make("span", { class: "numbers" }, ...x.map((v, i) => number(change, v, n, i))),
    make("span", { class: "arrow", "aria-hidden": "true" }, "→"),
    make("span", { class: "numbers" }, ...targets(state, change, y, n)),
    away,
  );
}

const number = (change, v, n, i) =>
  numberBox(`x-${n}-${i}`, v, -LARGEST, LARGEST, (value) => change((s) => (s.x[n][i] = value)),
    t("play.data.input", { n: count(n + 1), i: i + 1 }));

function targets(state, change, y, n) {
  if (state.loss === "cross_entropy") {
    const classes = state.layers.at(-1)[0];
    const pick = make("select", { "data-key": `y-${n}`, "aria-label": t("play.data.class", { n: count(n + 1) }) },
      ...Array.from({ length: classes }, (_, c) => make("option", { value: c, selected: c === y[0] }, count(c))));
    pick.addEventListener("change", () => change((s) => (s.y[n] = [Number(pick.value)])));
    return [pick];
  }
  const [least, most] = LOSSES[state.loss] ? [0, 1] : [-LARGEST, LARGEST];
  return y.map((v, i) =>
    numberBox(`y-${n}-${i}`, v, least, most, (value) => change((s) => (s.y[n][i] = value)),
      t("play.data.target", { n: count(n + 1), i: i + 1 })));
}

/** Squares that are tapped, or drawn over with a finger; the change is told when it is lifted. */
function picture(change, x, n) {
  const side = Math.sqrt(SQUARE);
  const squares = x.map((v, i) =>
    make("button", {
      type: "button",
      class: "square",
      "data-key": `x-${n}-${i}`,
      "aria-pressed": String(v > 0.5),
      "aria-label": t("play.data.pixel", { n: count(n + 1), row: count(Math.floor(i / side) + 1), column: count((i % side) + 1) }),
    }),
  );
  const grid = make("span", { class: "grid", lang: config.lang }, ...squares);
  const flip = (square, on) => square.setAttribute("aria-pressed", String(on));
  const told = () => {
    const drawn = squares.map((square) => Number(square.getAttribute("aria-pressed") === "true"));
    if (drawn.some((v, i) => v !== x[i])) change((s) => (s.x[n] = drawn));
  };
  grid.addEventListener("pointerdown", (event) => {
    const square = event.target.closest(".square");
    if (!square || event.button) return;
    event.preventDefault();
    square.focus();
    const on = square.getAttribute("aria-pressed") !== "true";
    flip(square, on);
    const over = (move) => {
      const under = document.elementFromPoint(move.clientX, move.clientY);
      if (squares.includes(under)) flip(under, on);
    };
    addEventListener("pointermove", over);
    const end = () => {
      removeEventListener("pointermove", over);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      told();
    };
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  });
  grid.addEventListener("click", (event) => {
    const square = event.target.closest(".square");
    if (!square || event.detail) return; // a finger's was told above; this one is a keyboard's
    flip(square, square.getAttribute("aria-pressed") !== "true");
    told();
  });
  return grid;
}
