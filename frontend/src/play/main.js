// The playground: start here. A state (state.js) is made by touch (controls.js, data.js) and kept in
// the address (address.js); a work answers for it (work.js); what is below looks at one step of
// that work (view.js): walk, curve, network, and the derivation, whose numbers can be asked why.

import "./style/play.css";
import { asking } from "../../../src/gobhir/derivation/asking.js";
import { startNotes } from "../studio/notes.js";
import { make, t } from "../studio/page.js";
import { read, written } from "./address.js";
import { startCheck } from "./check.js";
import { startCode, unpacked } from "./code.js";
import { numberBox, startControls } from "./controls.js";
import { startCurve } from "./curve.js";
import { ofStep, startField } from "./field.js";
import { reachable, shaped } from "../studio/derivation.js";
import { startNetwork } from "./network.js";
import { copy, LARGEST, MOST, SETS } from "./state.js";
import { startTabs } from "./tabs.js";
import { startTake } from "./take.js";
import { view } from "./view.js";
import { startWalk } from "./walk.js";
import { serverWork } from "./work.js";

const part = (id) => document.getElementById(id);
const trouble = part("trouble");

startWalk(part("walk"));
startCurve(part("curve"));

const begun = opened();
const controls = startControls(part("touch"), begun.state, (state, { fresh = false } = {}) => use(state, fresh ? 0 : view.k));
startNetwork(part("picture"), {
  allowed: touching,
  // What is typed is what training starts from: only there.
  box: (name, value) =>
    view.k === 0 && touching()
      ? numberBox(`weight-${name}`, value, -LARGEST, LARGEST,
          (v) => controls.change((s) => (s.weights[name] = v)), t("play.picture.type", { name }))
      : null,
});
startField(part("field"), (net) => (touching() ? controls.state : ofStep(net)), {
  allowed: touching,
  add: (x, y) =>
    controls.change((s) => {
      if (s.x.length < MOST.examples) for (const [table, row] of [[s.x, x], [s.y, y]]) table.push(row);
    }),
  remove: (n) =>
    controls.change((s) => {
      if (s.x.length > 1) for (const table of [s.x, s.y]) table.splice(n, 1);
    }),
});
startDerivation(part("derivation"));
startLink(part("link"));
startTake(part("take"), view);
startCheck(part("check"), view);
startNotes();
const lookAgain = startCode(part("code"), view, begun.code);

let step = begun.step; // where the network by touch is looked at
view.moved((k) => {
  if (!touching()) return;
  step = k;
  remember();
});
view.shown(() => {
  trouble.textContent = "";
  document.documentElement.dataset.ready = "";
});
view.failed((error) => {
  trouble.textContent = error.message;
  document.documentElement.dataset.ready = "";
});
const show = startTabs(part("ways"), (way) => {
  if (way === "touch") use(controls.state, step);
  else {
    if (!location.hash.startsWith("#code")) history.replaceState(null, "", "#code");
    lookAgain();
    document.documentElement.dataset.ready = "";
  }
});
show(location.hash.startsWith("#code") ? "code" : "touch");
addEventListener("hashchange", () => {
  if (location.hash.startsWith("#code")) return location.reload();
  const next = opened();
  controls.set(next.state);
  step = next.step;
  show("touch");
});

function touching() {
  return !part("touch").hidden;
}

function use(state, k) {
  return view.use(serverWork(state, written(state, 0)), k, state.steps);
}

/** What the address says; the house's network, and why, where it says nothing that can be read. */
function opened() {
  const notice = part("damaged");
  notice.textContent = "";
  const house = { state: copy(SETS.house), step: 0, code: null };
  if (location.hash.startsWith("#code")) {
    const code = location.hash.startsWith("#code=") ? unpacked(location.hash.slice(6)) : null;
    if (code == null && location.hash !== "#code") notice.textContent = t("play.code.damaged");
    return { ...house, code };
  }
  if (location.hash.length > 1) {
    try {
      return read(location.hash);
    } catch (error) {
      notice.textContent = t("play.page.damaged", { reason: `(${error.message})` });
    }
  }
  return house;
}

function remember() {
  history.replaceState(null, "", `#${written(controls.state, view.k)}`);
}

function startDerivation(root) {
  const taken = []; // what takes the asking of the step before back
  const asks = (place, k) => {
    const { work } = view;
    taken.push(asking(place, (question) => work.why(k, question).then(({ html }) => html)));
  };
  const forget = () => taken.splice(0).forEach((back) => back());
  view.moved(() => root.setAttribute("aria-busy", "true"));
  view.failed(() => {
    forget();
    root.replaceChildren();
  });
  view.shown(({ html }, k) => {
    const open = [...root.querySelectorAll("details")].map((fold) => fold.open);
    forget();
    const page = shaped(html);
    page.querySelectorAll("details").forEach((fold, k) => (fold.open = open[k] ?? false));
    root.replaceChildren(page);
    if (k === view.k) root.removeAttribute("aria-busy");
    reachable(page);
    const words = page.querySelector("[data-words]")?.dataset.words;
    if (!words) return; // a page without a number that could be asked
    asks(page, k);
    part("drawn").dataset.words = words;
    asks(part("drawn"), k);
  });
}

function startLink(root) {
  const told = make("span", { role: "status" });
  const button = make("button", { type: "button", class: "quiet" }, t("play.page.link"));
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      told.textContent = t("play.page.linked");
    } catch {
      told.textContent = t("play.page.unlinked");
    }
  });
  root.append(button, told);
  part("language-switch").addEventListener("click", (event) => (event.currentTarget.hash = location.hash));
}
