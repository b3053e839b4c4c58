// Where the learner is: kept across a change of language, and remembered for the next visit.

import { all, config, later } from "./page.js";
import { api, ask } from "./server.js";

const KEY = "gobhir:place";
const MINUTE = 60_000;
let minutes = 0;

/** Remember the block at the top of the screen, and how long the lesson has been read. */
export async function startPlace() {
  keepOnSwitch();
  const returned = comeBack();
  try {
    minutes = (await ask("GET", api("progress", config.slug))).minutes ?? 0;
  } catch {
    minutes = 0; // only grows on the server, so starting low takes nothing away
  }
  const report = later(() => tell(), 1500);
  addEventListener("scroll", report, { passive: true });
  addEventListener("pagehide", () => tell({ keepalive: true }));
  setInterval(() => {
    if (document.visibilityState === "visible") minutes += 1;
  }, MINUTE);
  await returned;
}

function tell(how = {}) {
  const anchor = topBlock()?.id;
  if (!anchor) return;
  const at = Date.now() / 1000;
  ask("PUT", api("progress", config.slug), { minutes, anchor, at }, how).catch(() => {});
  ask("PUT", api("settings"), { resume: { slug: config.slug, anchor } }, how).catch(() => {});
}

const barHeight = () => document.querySelector(".top")?.offsetHeight ?? 0;

/** The last block that begins above the reading line, a third down the screen. */
export function topBlock() {
  const line = barHeight() + (innerHeight - barHeight()) / 3;
  return all(".block").findLast((block) => block.getBoundingClientRect().top <= line);
}

function keepOnSwitch() {
  document.getElementById("language-switch")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // a new tab starts at its top
    const block = topBlock();
    if (block) {
      // The two languages differ in length, so how far into the block is a share of its height.
      const { top, height } = block.getBoundingClientRect();
      const line = barHeight();
      const place = { slug: config.slug, id: block.id, top, into: top < line ? (line - top) / height : null };
      sessionStorage.setItem(KEY, JSON.stringify(place));
    }
    // The fragment may hold a widget's state.
    event.currentTarget.hash = location.hash;
  });
}

/** After a change of language: the same block at the same height, until the learner moves.
    Else the block that the address names. */
async function comeBack() {
  const kept = JSON.parse(sessionStorage.getItem(KEY));
  sessionStorage.removeItem(KEY);
  const place = kept?.slug === config.slug ? kept : { id: decodeURIComponent(location.hash.slice(1)) };
  const block = place.id && document.getElementById(place.id);
  if (!block) return;
  history.scrollRestoration = "manual";
  let moved = false;
  for (const kind of ["wheel", "touchstart", "keydown", "pointerdown"]) {
    addEventListener(kind, () => (moved = true), { once: true, passive: true });
  }
  const go = () => {
    if (moved) return;
    const { top, height } = block.getBoundingClientRect();
    const wanted = place.into ? barHeight() - place.into * height : (place.top ?? barHeight() + 16);
    if (Math.abs(top - wanted) > 1) scrollBy({ top: top - wanted, behavior: "instant" });
  };
  // Formulas, fonts and pictures still change heights above.
  const watch = new ResizeObserver(go);
  watch.observe(document.getElementById("content"));
  await document.fonts.ready;
  go();
  setTimeout(() => watch.disconnect(), 2000);
}
