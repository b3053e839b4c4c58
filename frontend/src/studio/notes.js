// Notes beside the lesson. What is typed is first kept in this browser, then saved by the server;
// "saved" is said only after the server's word. Nothing that was typed is ever thrown away.

import { all, config, later, make, t } from "./page.js";
import { keep, kept } from "./kept.js";
import { api, ask, Refused } from "./server.js";

const PAUSE = 800; // milliseconds without typing before a save
const AGAIN = 5000; // before the next try, when a save failed

const address = api("notes", config.slug ?? "");
const field = document.getElementById("notes-text");
const status = document.getElementById("notes-status");
let version = null; // the one that the text in the field was made from
let saved = null; // the text that the server has
let saving = null;

export async function startNotes() {
  field.addEventListener("input", () => {
    keepDraft();
    say("writing", "studio.notes.writing");
    save();
  });
  addEventListener("pagehide", leave);
  addEventListener("online", () => isUnsaved() && save.now());
  startPrompts();
  await load();
}

const isUnsaved = () => version !== null && field.value !== saved;

function keepDraft() {
  const draft = isUnsaved() ? { text: field.value, version } : null;
  return keep("note", config.slug, draft);
}

async function load() {
  const draft = kept("note", config.slug);
  try {
    const note = await ask("GET", address);
    ({ version, text: saved } = note);
    if (!field.matches(":focus")) field.value = saved;
    field.readOnly = false;
    if (note.saved_at) sayTime(note.saved_at);
  } catch (error) {
    if (draft) field.value = draft.text;
    say("trouble", "studio.notes.unread", { reason: error.message });
    setTimeout(load, AGAIN);
    return;
  }
  if (!draft || draft.text === saved) return keepDraft();
  // A draft that the server never got. On top of what it was made from, it is simply newer.
  if (draft.version === version) {
    field.value = draft.text;
    save.now();
  } else conflict(draft.text, { text: saved, version });
}

const save = later(async () => {
  if (saving) return saving.then(() => save());
  if (!isUnsaved()) return;
  const text = field.value;
  say("writing", "studio.notes.saving");
  saving = put(text);
  await saving;
  saving = null;
}, PAUSE);

async function put(text) {
  try {
    const answer = await ask("PUT", address, { text, version });
    ({ version } = answer);
    saved = text;
    keepDraft();
    if (isUnsaved()) save();
    else sayTime(answer.saved_at);
  } catch (error) {
    if (error instanceof Refused && error.status === 409) conflict(text, error.answer);
    else {
      const where = keepDraft() ? "studio.notes.kept" : "studio.notes.not_kept";
      say("trouble", where, { reason: error.message });
      setTimeout(() => isUnsaved() && save.now(), AGAIN);
    }
  }
}

// The page is closing: no time to wait for an answer. The draft stays until a save was confirmed.
function leave() {
  if (isUnsaved()) ask("PUT", address, { text: field.value, version }, { keepalive: true }).catch(() => {});
}

/** The note was changed elsewhere: both versions side by side, and the learner chooses. */
function conflict(mine, theirs) {
  document.getElementById("notes-conflict")?.remove();
  ({ version, text: saved } = theirs);
  const choose = (text) => {
    box.remove();
    field.value = text;
    field.readOnly = false;
    keepDraft();
    save.now();
    field.focus();
  };
  const button = (key, text) => make("button", { type: "button", onclick: () => choose(text) }, t(key));
  const shown = (key, text) =>
    make("div", {}, make("p", { class: "label" }, t(key)), make("pre", { tabindex: "0" }, text));
  const box = make("div", { id: "notes-conflict", class: "conflict", role: "alert" },
    make("p", {}, t("studio.notes.conflict")),
    shown("studio.notes.mine", mine),
    shown("studio.notes.other", theirs.text),
    make("p", { class: "choices" },
      button("studio.notes.keep_both", `${theirs.text.trimEnd()}\n\n${mine}`),
      button("studio.notes.keep_mine", mine),
      button("studio.notes.keep_other", theirs.text)));
  field.value = mine;
  keep("note", config.slug, { text: mine, version: "" }); // until they have chosen
  field.readOnly = true;
  field.after(box);
  say("trouble", "studio.notes.undecided");
}

function say(kind, key, values) {
  status.className = kind;
  status.textContent = t(key, values);
}

function sayTime(at) {
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  const time = date.toLocaleTimeString(config.lang === "bn" ? "bn-BD" : "en-GB", { hour: "2-digit", minute: "2-digit" });
  say("saved", "studio.notes.saved", { time });
}

/** Add a paragraph to the notes and save it. */
export function addToNotes(text) {
  if (field.readOnly) return false;
  const before = field.value.trimEnd();
  field.value = `${before}${before ? "\n\n" : ""}${text.trim()}\n`;
  field.dispatchEvent(new Event("input"));
  save.now();
  return true;
}

// "Write it in your own words" in the lesson, and "report an error" where the course has no address.
function startPrompts() {
  for (const block of all(".block-notes")) {
    const title = block.querySelector("h2")?.textContent ?? "";
    const words = make("textarea", { rows: "5", "aria-label": title });
    words.value = kept("words", `${config.slug}/${block.id}`) ?? "";
    words.addEventListener("input", () => keep("words", `${config.slug}/${block.id}`, words.value));
    const told = make("span", { class: "cell-status", role: "status" });
    const add = () => {
      if (!words.value.trim()) return words.focus();
      if (!addToNotes(`## ${title}\n\n${words.value}`)) return;
      words.value = "";
      keep("words", `${config.slug}/${block.id}`, null);
      told.textContent = t("studio.notes.added");
    };
    block.append(words, make("div", { class: "cell-bar" },
      make("button", { type: "button", onclick: add }, t("studio.notes.add")), told));
  }
  for (const link of all('[data-report="notes"]')) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      addToNotes(`## ${t("studio.notes.report")}\n\n- `);
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
  }
}
