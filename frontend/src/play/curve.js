// The loss of every step as a curve; a touch goes to that step.

import { make, t } from "../studio/page.js";
import { draw } from "./drawing.js";
import { short, view } from "./view.js";

const WIDE = 320;
const HIGH = 120;
const PAD = 6;

export function startCurve(root) {
  const told = make("p", { class: "trouble", hidden: true });
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", preserveAspectRatio: "none" });
  const top = make("span");
  const bottom = make("span");
  root.append(
    make("div", { class: "plot" }, make("div", { class: "scale" }, top, make("span", {}, t("play.walk.up")), bottom), svg),
    make("p", { class: "along" }, t("play.walk.along")),
    told,
  );
  svg.addEventListener("pointerdown", (event) => {
    const { left, width } = svg.getBoundingClientRect();
    const share = ((event.clientX - left) / width) * WIDE - PAD;
    view.go(Math.round((share / (WIDE - 2 * PAD)) * (view.steps - 1)));
  });

  view.shown(({ losses }, k) => {
    const known = losses.filter((loss) => loss != null);
    const ended = view.work.planned > losses.length;
    // What flies off leaves the picture, so that the way there is seen.
    const most = Math.min(Math.max(...known, 0), ended ? 10 * Math.max(known[0], 0.1) : Infinity);
    const least = Math.min(...known, 0);
    const x = (i) => PAD + ((WIDE - 2 * PAD) * i) / Math.max(1, losses.length - 1);
    const y = (loss) => HIGH - PAD - (HIGH - 2 * PAD) * Math.min(1, (loss - least) / (most - least || 1));
    const line = losses.map((loss, i) => (loss == null ? "" : `${i && losses[i - 1] != null ? "L" : "M"}${x(i).toFixed(1)} ${y(loss).toFixed(1)}`));
    svg.replaceChildren(
      draw("path", { class: "axis", d: `M${PAD} ${y(0)}H${WIDE - PAD}` }),
      draw("path", { class: "losses", d: line.join("") }),
      draw("path", { class: "now", d: `M${x(k)} ${PAD}V${HIGH - PAD}` }),
    );
    svg.setAttribute("aria-label", t("play.walk.curve", { first: short(known[0]), last: short(known.at(-1)) }));
    top.textContent = short(most, 3);
    bottom.textContent = short(least, 3);
    told.hidden = !ended;
    told.textContent = ended ? t("play.walk.diverged", { step: losses.length }) : "";
  });
}
