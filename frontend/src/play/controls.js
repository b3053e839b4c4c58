// Making a model by touch: sizes and activations, loss, optimizer. Everything that is changed goes
// into the state, which is then shown anew; what had the focus has it again.

// keys: play.page.*, play.set.*, play.net.*, play.train.*
import { count, make, t } from "../studio/page.js";
import { showData } from "./data.js";
import {
  ACTIVATIONS, BATCHES, copy, fitted, LOSSES, MODES, MOST, OPTIMIZERS, SETS, STEPS, typed, wide,
} from "./state.js";

/** Shows the controls in `root`; changed(state, {fresh}) after each change. */
export function startControls(root, first, changed) {
  let state = first;

  /** The state after `edit`, shown and told. */
  function change(edit) {
    const next = copy(state);
    edit(next);
    set(fitted(next));
    changed(state);
  }

  function set(next) {
    const focus = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    state = next;
    root.replaceChildren(begin(), network(), training(), showData(state, change));
    if (focus) root.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  function begin() {
    const chips = Object.keys(SETS).map((name) => {
      const chip = make("button", { type: "button", class: "quiet chip", "data-key": `set-${name}` }, t(`play.set.${name}`));
      chip.addEventListener("click", () => {
        set(copy(SETS[name]));
        changed(state, { fresh: true });
      });
      return chip;
    });
    return group("begin", "", make("div", { class: "chips" }, ...chips));
  }

  function network() {
    const layers = state.layers.map(([n, activation], k) => layer(k, n, activation));
    const more = button(t("play.net.add"), "add-layer", () =>
      change((s) => s.layers.splice(-1, 0, [Math.min(4, MOST.neurons), hidden(s)])),
    );
    more.disabled = state.layers.length >= MOST.layers;
    return group(
      "network",
      [state.x[0].length, ...state.layers.map(([n]) => n)].join("-"),
      make(
        "div",
        { class: "layer" },
        make("span", { class: "layer-name" }, t("play.net.inputs")),
        stepper(t("play.net.inputs"), "inputs", state.x[0].length, MOST.inputs, (n) =>
          change((s) => (s.x = s.x.map((row) => wide(row, n)))),
        ),
      ),
      ...layers,
      make("p", {}, more),
      choice(t("play.net.loss"), "loss", Object.keys(LOSSES), state.loss, (name) => t(`play.net.${name}`), (loss) =>
        change((s) => {
          s.loss = loss;
          if (loss === "cross_entropy" && s.layers.at(-1)[0] < 2) s.layers.at(-1)[0] = 2;
        }),
      ),
    );
  }

  const hidden = (s) => (s.layers.length > 1 ? s.layers[0][1] : "sigmoid");

  function layer(k, n, activation) {
    const name = t("play.net.layer", { n: count(k + 1) });
    const last = k === state.layers.length - 1;
    const wanted = last ? LOSSES[state.loss] : "";
    const named = (a) => {
      if (a === "none") return t(last && state.loss === "cross_entropy" ? "play.net.softmax" : "play.net.none");
      return a === "relu" ? "ReLU" : a === "leaky_relu" ? "LeakyReLU" : a === "sigmoid" ? t("play.net.sigmoid") : a;
    };
    const pick = select(`activation-${k}`, wanted ? [wanted] : ACTIVATIONS, activation, named, (a) =>
      change((s) => (s.layers[k][1] = a)),
    );
    pick.setAttribute("aria-label", t("play.net.activation", { n: count(k + 1) }));
    const away = button("✕", `remove-layer-${k}`, () => change((s) => s.layers.splice(k, 1)));
    away.setAttribute("aria-label", t("play.net.remove", { n: count(k + 1) }));
    away.disabled = state.layers.length === 1;
    return make(
      "div",
      { class: "layer" },
      make("span", { class: "layer-name" }, name),
      stepper(t("play.net.neurons", { n: count(k + 1) }), `neurons-${k}`, n, MOST.neurons, (m) =>
        change((s) => (s.layers[k][0] = m)),
      ),
      pick,
      away,
    );
  }

  function training() {
    const { name } = state.optimizer;
    const has = (part) => OPTIMIZERS[name].includes(part);
    const number = (part, most, usual) =>
      field(t(`play.train.${part}`), part, state.optimizer[part] ?? usual, 0, most, (v) =>
        change((s) => {
          s.optimizer[part] = v;
          if (part === "momentum" && v === 0) delete s.optimizer.nesterov;
        }),
      );
    const own = Object.keys(state.weights).length;
    return group(
      "training",
      `${NAMES[name]} · ${state.optimizer.lr}`,
      choice(t("play.train.optimizer"), "optimizer", Object.keys(OPTIMIZERS), name, (o) => NAMES[o], (o) =>
        change((s) => (s.optimizer = { name: o, lr: s.optimizer.lr })),
      ),
      number("lr", 10, 0.1),
      has("momentum") ? number("momentum", 1, 0) : null,
      has("nesterov") && state.optimizer.momentum ? nesterov() : null,
      has("weight_decay") ? number("weight_decay", 1, name === "adamw" ? 0.01 : 0) : null,
      choice(t("play.train.batch"), "batch", BATCHES.filter((b) => b < state.x.length), state.batch,
        (b) => (b ? count(b) : t("play.train.all")), (b) => change((s) => (s.batch = Number(b)))),
      choice(t("play.train.steps"), "steps", [...new Set([...STEPS, state.steps])], state.steps, count, (n) =>
        change((s) => (s.steps = Number(n)))),
      choice(t("play.train.mode"), "mode", MODES, state.mode, (m) => t(`play.train.${m}`), (m) =>
        change((s) => (s.mode = m))),
      field(t("play.train.seed"), "seed", state.seed, 0, MOST.seed, (v) => change((s) => (s.seed = Math.round(v)))),
      make("p", {}, button(t("play.train.draw"), "draw", () => change((s) => {
        s.seed = (s.seed + 1) % (MOST.seed + 1);
        s.weights = {};
      }))),
      own
        ? make("p", { class: "own" }, t("play.train.own", { count: count(own) }), " ",
            button(t("play.train.forget"), "forget", () => change((s) => (s.weights = {}))))
        : null,
    );
  }

  function nesterov() {
    const box = make("input", { type: "checkbox", "data-key": "nesterov", checked: state.optimizer.nesterov === true });
    box.addEventListener("change", () => change((s) => {
      if (box.checked) s.optimizer.nesterov = true;
      else delete s.optimizer.nesterov;
    }));
    return make("label", { class: "field" }, make("span", {}, t("play.train.nesterov")), box);
  }

  set(state);
  return { change, set, get state() { return state; } };
}

const NAMES = { sgd: "SGD", rmsprop: "RMSprop", adagrad: "Adagrad", adam: "Adam", adamw: "AdamW" };

const roomy = matchMedia("(min-width: 60rem)").matches;
const folded = { network: !roomy, data: !roomy, training: !roomy };

/** A part of the controls, folded on a phone; what is in it stands in few signs beside its name. */
export function group(name, brief, ...inside) {
  const fold = make(
    "details",
    { class: `group ${name}`, open: !folded[name] },
    make("summary", { "data-key": `fold-${name}` }, make("strong", {}, t(`play.page.${name}`)), make("span", { class: "brief" }, brief)),
    ...inside,
  );
  fold.addEventListener("toggle", () => (folded[name] = !fold.open));
  return fold;
}

function button(text, key, act) {
  return make("button", { type: "button", class: "quiet", "data-key": key, onclick: act }, text);
}

/** − n +, for fingers. */
function stepper(what, key, n, most, set) {
  const part = (sign, label, key, to) => {
    const b = button(sign, key, () => set(to));
    b.setAttribute("aria-label", t(`play.net.${label}`, { what }));
    b.disabled = to < 1 || to > most;
    return b;
  };
  return make(
    "span",
    { class: "stepper", role: "group", "aria-label": what },
    part("−", "fewer", `${key}-`, n - 1),
    make("output", { "aria-label": what }, count(n)),
    part("+", "more", `${key}+`, n + 1),
  );
}

function select(key, values, value, named, set) {
  const box = make("select", { "data-key": key },
    ...values.map((v) => make("option", { value: v, selected: v === value }, named(v))));
  box.addEventListener("change", () => set(box.value));
  return box;
}

const choice = (label, key, values, value, named, set) =>
  make("label", { class: "field" }, make("span", {}, label), select(key, values, value, named, set));

/** A number that is typed; what is none stays, marked, until it is put right. */
export function numberBox(key, value, least, most, set, label) {
  const box = make("input", { type: "text", inputmode: "decimal", autocomplete: "off", value, "data-key": key, "aria-label": label });
  box.addEventListener("change", () => {
    const v = typed(box.value);
    const good = v !== null && v >= least && v <= most;
    box.setAttribute("aria-invalid", String(!good));
    box.title = good ? "" : t("play.data.not_number", { least, most });
    if (good) set(v);
  });
  return box;
}

const field = (label, key, value, least, most, set) =>
  make("label", { class: "field" }, make("span", {}, label), numberBox(key, value, least, most, set));
