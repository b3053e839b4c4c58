// Take the step away: as a page, paper, slides, a document, data, or into one's own notes.

import { addToNotes } from "../studio/notes.js";
import { config, make, t } from "../studio/page.js";

const FORMS = ["page", "pdf", "slides", "worksheet", "worksheet_pdf", "markdown", "latex", "json"]
  .filter((form) => config.pdf || !form.endsWith("pdf")); // without a browser of its own, the studio prints none

/** Fill `box`; `view` shows the step that is taken. */
export function startTake(box, view) {
  const status = make("p", { class: "hint", role: "status" });
  const menu = make("details", { class: "menu" },
    make("summary", {}, t("play.take.title")),
    make("ul", {}, ...[...FORMS.map((form) => entry(form, () => download(form))),
      entry("notes", intoNotes), entry("print", () => print())]));
  box.append(menu, status);
  menu.addEventListener("keydown", move);
  addEventListener("click", ({ target }) => menu.contains(target) || (menu.open = false));

  // keys: play.take.form.*, play.take.about.*
  function entry(form, work) {
    const button = make("button", { type: "button", onclick: () => act(work) },
      make("span", {}, t(`play.take.form.${form}`)), make("small", {}, t(`play.take.about.${form}`)));
    return make("li", {}, button);
  }

  async function act(work) {
    menu.open = false;
    menu.querySelector("summary").focus();
    status.textContent = t("play.take.making");
    try {
      status.textContent = (await work()) ?? "";
    } catch (error) {
      status.textContent = error.message;
    }
  }

  async function download(form) {
    const { name, type, content } = await view.work.take(view.k, form);
    save(name, type, bytes(content));
    return t("play.take.made", { name });
  }

  async function intoNotes() {
    const { content } = await view.work.take(view.k, "markdown");
    const text = new TextDecoder().decode(bytes(content));
    return t(addToNotes(text) ? "play.take.noted" : "play.take.not_noted");
  }

  function move(event) {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !menu.open) return;
    event.preventDefault();
    event.stopPropagation(); // the arrows also walk through the training
    const buttons = [...menu.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement) + step;
    buttons[(at + buttons.length) % buttons.length].focus();
  }
}

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = make("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
