// The live view: each camera's picture, what is marked and who is seen drawn over it, and its health.
import { $, ask, drawn, element, inwards, lang, number, path, picture, said, show, texts } from "./common.js";

const HEALTH = 3000, PAUSE = 700, AWAY = 3000;
const cards = new Map();

function card(name) {
  const image = element("img", { alt: said("live_of", { camera: name }) });
  const over = drawn("svg", { "aria-hidden": "true" });
  const state = element("p", { className: "state" });
  const trouble = element("p", { className: "wrong" });
  const facts = element("dl", { className: "facts" });
  const edit = element("a", { className: "button", href: `/camera/${encodeURIComponent(name)}?lang=${lang}`, textContent: texts.edit });
  const events = element("a", { className: "button", href: `/events?camera=${encodeURIComponent(name)}&lang=${lang}`, textContent: texts.events });
  const whole = element("section", { className: "card camera", ariaLabel: name }, element("h2", { textContent: name }),
    element("div", { className: "picture empty" }, image, over), state, trouble, facts, element("p", { className: "row" }, edit, events));
  $("cameras").append(whole);
  return { name, image, over, state, trouble, facts, whole, marked: null };
}

function health(one, now) {
  one.marked = now;
  one.whole.dataset.state = now.state;
  one.state.textContent = `${texts[now.state]} · ${said("people", { count: now.people ?? 0 })}`;
  one.trouble.textContent = now.trouble ?? "";
  const rows = [["fps", number(now.fps ?? 0)], ["frames", now.frames ?? 0], ["dropped", now.dropped ?? 0],
    ["last", now.last || "–"], ["deaths", now.deaths ?? 0], ["megabytes", number(now.megabytes ?? 0)], ["source", now.source]];
  one.facts.replaceChildren(...rows.flatMap(([key, value]) =>
    [element("dt", { textContent: texts[`fact_${key}`] }), element("dd", { textContent: value })]));
}

function draw(one, people, height) {
  one.over.setAttribute("viewBox", `0 0 1000 ${height}`);
  const marks = [];
  for (const { name, points } of one.marked?.zones ?? []) {
    marks.push(drawn("polygon", { class: "zone", points: path(points, height) }), label(name, points[0], height));
  }
  for (const { name, points } of one.marked?.lines ?? []) {
    marks.push(drawn("polyline", { class: "line", points: path(points, height) }),
      drawn("path", { class: "line", d: inwards(points, height) }), label(name, points[0], height));
  }
  for (const { id, box: [x1, y1, x2, y2] } of people) {
    marks.push(drawn("rect", { class: "person", x: x1 * 1000, y: y1 * height, width: (x2 - x1) * 1000, height: (y2 - y1) * height }),
      label(String(id), [x1, y1], height));
  }
  one.over.replaceChildren(...marks);
}

const label = (text, [x, y], height) => drawn("text", { x: x * 1000 + 6, y: Math.max(y * height - 8, 30) }, text);

/** What stands there as long as there is no camera. */
function none() {
  const way = element("a", { className: "button", href: `/settings?lang=${lang}`, textContent: texts.settings });
  return element("section", { className: "card" }, element("p", { textContent: texts.no_cameras }), element("p", { className: "row" }, way));
}

async function look(one) {
  while (cards.get(one.name) === one) {
    let pause = PAUSE;
    if (document.hidden) pause = HEALTH;
    else {
      try {
        const { url, people, stale } = await picture(one.name);
        const height = await show(one.image, url);
        draw(one, people, height);
        one.image.parentElement.classList.remove("empty");
        one.image.parentElement.classList.toggle("stale", stale);
      } catch {
        pause = AWAY; // no picture yet; the camera's health says why
      }
    }
    await new Promise((done) => setTimeout(done, pause));
  }
}

async function refresh() {
  try {
    const { cameras } = await (await ask("/api/cameras")).json();
    $("trouble").textContent = "";
    const names = cameras.map(({ name }) => name);
    for (const [name, one] of cards) {
      if (names.includes(name)) continue;
      cards.delete(name);
      one.whole.remove();
    }
    if (!cards.size) $("cameras").replaceChildren(...(cameras.length ? [] : [none()]));
    for (const now of cameras) {
      const known = cards.get(now.name);
      const one = known ?? card(now.name);
      health(one, now);
      if (!known) {
        cards.set(now.name, one);
        look(one);
      }
    }
  } catch (error) {
    $("trouble").textContent = error.message;
  }
  setTimeout(refresh, HEALTH);
}

refresh();
