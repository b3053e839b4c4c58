// The settings of cctv.toml: a form for each of its sections, and one for each camera.
import { $, ask, element, said, texts } from "./common.js";
import { field } from "./fields.js";

let known, dirty = false, refusals = [];

/** The fields of a section. where: what the server calls it when it refuses one of them. */
function form(wishes, values, id, where) {
  return wishes.map((wish) => {
    const made = field(wish, values, `${id}-${wish.name}`, changed, texts);
    refusals.push({ key: () => where(wish.name), ...made });
    return made.whole;
  });
}

function section({ name, title, note, fields, values }) {
  const id = name || "general";
  return folded("card", id, element("h2", { textContent: title }), element("p", { className: "muted", textContent: note }),
    wide(form(fields, values, id, (key) => (name ? `${name}: ${key}` : key))));
}

/** What is shown on a press on its title. name: by which it stays open when all is drawn anew. */
function folded(className, name, title, ...content) {
  const made = element("details", { className }, element("summary", {}, title), ...content);
  made.dataset.name = name;
  return made;
}

const wide = (fields) => element("div", { className: "fields-wide" }, ...fields);

function camera(one, index, fresh = false) {
  const id = `camera-${index}`;
  const where = (key) => `camera '${one.name.normalize("NFC")}'${key === "name" ? "" : `: ${key}`}`;
  const wishes = known.fields.camera.filter(({ name }) => fresh || name !== "name");
  const remove = element("button", { type: "button", textContent: said("remove_it", { name: one.name || texts.new_camera }) });
  const own = folded("", `own ${one.name}`, texts.own_detector,
    wide(form(known.fields.detector, one.detector, `${id}-detector`, (key) => where(`detector: ${key}`))));
  const whole = folded("rule", `camera ${one.name}`, one.name || texts.new_camera, wide(form(wishes, one, id, where)), own, remove);
  whole.open = fresh;
  remove.addEventListener("click", () => {
    known.cameras = known.cameras.filter((other) => other !== one);
    whole.remove();
    none();
    changed();
    $("add-camera").focus();
  });
  return whole;
}

const none = () => ($("no-cameras").hidden = known.cameras.length > 0);

function draw() {
  refusals = [];
  const open = new Set([...document.querySelectorAll("details[open]")].map((one) => one.dataset.name));
  $("sections").replaceChildren(...known.sections.map(section));
  $("cameras").replaceChildren(...known.cameras.map((one, index) => camera(one, index)));
  for (const one of document.querySelectorAll("details")) one.open = open.has(one.dataset.name);
  $("once").hidden = !known.once;
  none();
}

function changed() {
  dirty = true;
  $("saved").textContent = texts.unsaved;
}

/** As the file has it. */
function settings() {
  const sections = Object.fromEntries(known.sections.filter(({ name }) => name).map(({ name, values }) => [name, values]));
  return { ...known.sections.find(({ name }) => !name).values, ...sections, camera: known.cameras };
}

async function save() {
  $("save").disabled = true;
  $("trouble").textContent = "";
  try {
    known = await (await ask("/api/settings", "PUT", { version: known.version, settings: settings() })).json();
    dirty = false;
    draw();
    $("saved").textContent = known.note;
  } catch (error) {
    $("saved").textContent = "";
    const same = (key) => key.toLowerCase() === error.key?.toLowerCase(); // two names may differ in that alone
    const place = refusals.findLast(({ key, whole }) => whole.isConnected && same(key()));
    $("trouble").textContent = place ? texts.refused : error.message;
    place?.refuse(error.problem);
  }
  $("save").disabled = false;
}

$("add-camera").addEventListener("click", () => {
  const detector = Object.fromEntries(known.fields.detector.map(({ name }) => [name, null]));
  const values = Object.fromEntries(known.fields.camera.map(({ name, default: value }) => [name, value]));
  known.cameras.push({ ...values, name: "", detector });
  const made = camera(known.cameras.at(-1), `new-${refusals.length}`, true);
  $("cameras").append(made);
  none();
  made.querySelector("input").focus();
  changed();
});
$("save").addEventListener("click", save);
addEventListener("beforeunload", (event) => dirty && event.preventDefault());

try {
  known = await (await ask("/api/settings")).json();
  draw();
  $("add-camera").disabled = $("save").disabled = false;
} catch (error) {
  $("trouble").textContent = error.message;
}
document.documentElement.dataset.ready = "";
