// Zones, lines and rules of a camera, on a still of it: by mouse, by finger, by keyboard.
import { $, ask, drawn, element, inwards, number, path, picture, said, settings, show, texts } from "./common.js";
import { form } from "./rules.js";

const sheet = $("sheet"), address = `/api/cameras/${encodeURIComponent(settings.camera)}`;
let marks = { zones: [], lines: [], rules: [], kinds: {}, version: "" };
let chosen = null, height = 750;

const all = () => [...marks.zones, ...marks.lines];
const isLine = (mark) => marks.lines.includes(mark);
const within = (value) => Math.min(1, Math.max(0, Math.round(value * 1e4) / 1e4));

// -- drawing ---------------------------------------------------------------------------------------

/** So many pixels of the screen, in units of the drawing. */
const pixels = (count) => (count * 1000) / (sheet.clientWidth || 1000);

function outline(mark) {
  const kind = isLine(mark) ? "line" : "zone";
  const shape = drawn(isLine(mark) ? "polyline" : "polygon", { class: `${kind}${mark === chosen ? " chosen" : ""}` });
  shape.addEventListener("pointerdown", (event) => {
    if (mark === chosen) drag(event, shape, mark, null);
    else choose(mark);
  });
  const arrow = drawn("path", { class: "line" });
  const name = drawn("text", {}, mark.name);
  const place = () => {
    shape.setAttribute("points", path(mark.points, height));
    if (isLine(mark)) arrow.setAttribute("d", inwards(mark.points, height));
    name.setAttribute("x", mark.points[0][0] * 1000 + 6);
    name.setAttribute("y", Math.max(mark.points[0][1] * height - 8, 30));
  };
  return { parts: isLine(mark) ? [shape, arrow, name] : [shape, name], place };
}

function corner(mark, index, moved) {
  const hit = drawn("circle", { class: "hit", r: pixels(22) });
  const dot = drawn("circle", { class: "dot", r: pixels(8) });
  const group = drawn("g", { class: "corner", tabindex: "0", role: "button" }, hit, dot);
  group.dataset.corner = index;
  const place = () => {
    const [x, y] = mark.points[index];
    for (const circle of [hit, dot]) {
      circle.setAttribute("cx", x * 1000);
      circle.setAttribute("cy", y * height);
    }
    group.setAttribute("aria-label", said("corner", { number: index + 1, name: mark.name, x: Math.round(100 * x), y: Math.round(100 * y) }));
  };
  group.addEventListener("pointerdown", (event) => drag(event, group, mark, index));
  group.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.05 : 0.01;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (way) {
      mark.points[index] = mark.points[index].map((value, axis) => within(value + way[axis]));
      moved();
    } else if ((event.key === "Delete" || event.key === "Backspace") && !isLine(mark) && mark.points.length > 3) {
      mark.points.splice(index, 1);
      draw();
      sheet.querySelector(".corner")?.focus();
    } else return;
    event.preventDefault();
    changed();
  });
  return { parts: [group], place };
}

/** The plus in the middle of a side: a corner more. */
function middle(mark, index) {
  const next = (index + 1) % mark.points.length;
  const half = () => [0, 1].map((axis) => within((mark.points[index][axis] + mark.points[next][axis]) / 2));
  const add = (event) => {
    mark.points.splice(index + 1, 0, half());
    draw();
    changed();
    const made = sheet.querySelector(`[data-corner="${index + 1}"]`);
    made.focus();
    if (event.type === "pointerdown") drag(event, made, mark, index + 1);
  };
  const hit = drawn("circle", { class: "hit", r: pixels(16) });
  const plus = drawn("path", { class: "plus" });
  const group = drawn("g", { class: "middle", tabindex: "0", role: "button", "aria-label": said("more_corner", { name: mark.name, number: index + 1 }) }, hit, plus);
  group.addEventListener("pointerdown", add);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    add(event);
  });
  const place = () => {
    const [x, y] = half();
    const arm = pixels(6);
    hit.setAttribute("cx", x * 1000);
    hit.setAttribute("cy", y * height);
    plus.setAttribute("d", `M${x * 1000 - arm},${y * height}h${2 * arm}m${-arm},${-arm}v${2 * arm}`);
  };
  return { parts: [group], place };
}

let place = () => {};

function draw() {
  sheet.setAttribute("viewBox", `0 0 1000 ${height}`);
  const shapes = all().map(outline);
  if (chosen) {
    const corners = chosen.points.map((_, index) => corner(chosen, index, () => place()));
    if (!isLine(chosen) && chosen.points.length < 200) shapes.push(...chosen.points.map((_, index) => middle(chosen, index)));
    shapes.push(...corners);
  }
  place = () => shapes.forEach((shape) => shape.place());
  place();
  sheet.replaceChildren(...shapes.flatMap((shape) => shape.parts));
}

/** Move a corner, or (index null) the whole shape, as long as the pointer is down. */
function drag(event, target, mark, index) {
  if (event.button) return;
  event.preventDefault();
  event.stopPropagation();
  const box = sheet.getBoundingClientRect();
  const at = (one) => [(one.clientX - box.left) / box.width, (one.clientY - box.top) / box.height];
  const start = at(event), from = mark.points.map((point) => [...point]);
  target.setPointerCapture(event.pointerId);
  target.focus?.({ preventScroll: true });
  const move = (one) => {
    if (one.pointerId !== event.pointerId) return;
    let [dx, dy] = at(one).map((value, axis) => value - start[axis]);
    if (index === null) { // a shape stays whole at the picture's edge
      const side = (axis, by) => {
        const values = from.map((point) => point[axis]);
        return Math.min(Math.max(by, -Math.min(...values)), 1 - Math.max(...values));
      };
      [dx, dy] = [side(0, dx), side(1, dy)];
    }
    mark.points = from.map(([x, y], k) => (index === null || k === index ? [within(x + dx), within(y + dy)] : [x, y]));
    place();
    changed();
  };
  const end = (one) => {
    if (one.pointerId !== event.pointerId) return;
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", end);
    target.removeEventListener("pointercancel", end);
  };
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", end);
  target.addEventListener("pointercancel", end);
}

// -- the list of what is marked --------------------------------------------------------------------

function row(mark) {
  const input = element("input", { value: mark.name, required: true, maxLength: 60, autocomplete: "off" });
  input.addEventListener("input", () => {
    const key = isLine(mark) ? "line" : "zone";
    for (const rule of marks.rules) if (rule[key] === mark.name && mark.name) rule[key] = input.value;
    mark.name = input.value;
    draw();
    changed();
  });
  input.addEventListener("change", rules);
  input.addEventListener("focus", () => choose(mark));
  const remove = element("button", { type: "button", textContent: texts.remove });
  remove.setAttribute("aria-label", said("remove_it", { name: mark.name }));
  remove.addEventListener("click", () => {
    marks.zones = marks.zones.filter((one) => one !== mark);
    marks.lines = marks.lines.filter((one) => one !== mark);
    if (chosen === mark) chosen = null;
    everything();
    changed();
    $("add-zone").focus();
  });
  const parts = [element("label", {}, isLine(mark) ? texts.line : texts.zone, input)];
  if (isLine(mark)) {
    const turn = element("button", { type: "button", textContent: texts.turn });
    turn.addEventListener("click", () => {
      mark.points.reverse();
      choose(mark);
      changed();
    });
    parts.push(turn);
  }
  const whole = element("li", {}, ...parts, remove);
  whole.classList.toggle("chosen", mark === chosen);
  return whole;
}

function choose(mark) {
  chosen = mark;
  draw();
  [...$("marks").children].forEach((item, k) => item.classList.toggle("chosen", all()[k] === mark));
}

const rules = () => form($("rules"), marks, changed);

function everything() {
  draw();
  $("marks").replaceChildren(...all().map(row));
  rules();
}

function add(list, kind, points) {
  const names = all().map((mark) => mark.name);
  let count = 1;
  while (names.includes(`${kind}-${count}`)) count++;
  chosen = { name: `${kind}-${count}`, points };
  list.push(chosen);
  everything();
  changed();
  sheet.querySelector(".corner").focus();
}

function changed() {
  $("saved").textContent = texts.unsaved;
  dirty = true;
}

// -- in and out ------------------------------------------------------------------------------------

let dirty = false;

async function still() {
  try {
    const { url } = await picture(settings.camera);
    height = await show($("still"), url);
  } catch (error) {
    $("trouble").textContent = await why().catch(() => "") || error.message; // one can draw on an empty sheet, too
  }
  draw();
}

/** What keeps the camera from giving a picture, if anything is known of it. */
async function why() {
  const { cameras } = await (await ask("/api/cameras")).json();
  return cameras.find(({ name }) => name === settings.camera)?.trouble;
}

async function save() {
  $("save").disabled = true;
  $("trouble").textContent = "";
  try {
    const { version, zones, lines, rules: wanted } = marks;
    const index = all().indexOf(chosen);
    marks = await (await ask(address, "PUT", { version, zones, lines, rules: wanted })).json();
    chosen = all()[index] ?? null;
    everything();
    dirty = false;
    $("saved").textContent = marks.note;
  } catch (error) {
    $("trouble").textContent = error.message;
  }
  $("save").disabled = false;
}

$("add-zone").addEventListener("click", () => add(marks.zones, "zone", [[0.3, 0.4], [0.7, 0.4], [0.7, 0.8], [0.3, 0.8]]));
$("add-line").addEventListener("click", () => add(marks.lines, "line", [[0.2, 0.6], [0.8, 0.6]]));
$("again").addEventListener("click", still);
$("save").addEventListener("click", save);
$("add-rule").addEventListener("click", () => {
  const kind = $("kind").value;
  const values = marks.kinds[kind].fields.map(({ name, default: value }) => [name, value]);
  marks.rules.push({ kind, ...Object.fromEntries(values) });
  if (marks.rules.at(-1).line === "") marks.rules.at(-1).line = marks.lines[0]?.name ?? "";
  rules();
  changed();
  $("rules").lastElementChild.querySelector("summary").focus();
});
addEventListener("resize", draw);
addEventListener("beforeunload", (event) => dirty && event.preventDefault());

try {
  marks = await (await ask(address)).json();
  $("kind").replaceChildren(...Object.entries(marks.kinds).map(([kind, { title, measured }]) =>
    element("option", { value: kind, textContent: measured ? title : said("experimental", { title }) })));
  everything();
  if (!marks.kept) {
    $("save").disabled = true;
    $("saved").textContent = texts.for_once;
  }
} catch (error) {
  $("trouble").textContent = error.message;
}
await still();
document.documentElement.dataset.ready = "";
