// A piece of code on the page: coloured text that becomes an editor when it is touched.
// What the learner changed is kept in this browser, and can be put back.

import { keep, kept } from "./kept.js";
import { highlight } from "./highlight.js";
import { t } from "./page.js";

let chunk;
const loadEditor = () => (chunk ??= import("./editor.js"));

export class Code {
  /** `pre` holds the original; `id` names its draft; `run` is called on Shift-Enter. */
  constructor(pre, { id, label, run, changed = () => {} }) {
    Object.assign(this, { pre, id, label, run, changed });
    this.original = pre.textContent.replace(/\n$/, "");
    this.draft = kept("code", id) ?? this.original;
    this.editor = null;
    this.show();
    pre.tabIndex = 0;
    pre.setAttribute("role", "group");
    pre.setAttribute("aria-label", `${label}. ${t("studio.run.edit")}`);
    pre.title = t("studio.run.edit");
    pre.addEventListener("click", (event) => {
      if (getSelection().isCollapsed) this.edit({ x: event.clientX, y: event.clientY });
    });
    pre.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (event.shiftKey || event.ctrlKey || event.metaKey) this.run();
      else this.edit();
    });
    pre.addEventListener("pointerenter", loadEditor, { once: true });
  }

  get text() {
    return this.draft;
  }

  get isChanged() {
    return this.draft !== this.original;
  }

  async edit(at) {
    if (!this.editor) {
      const { openEditor } = await loadEditor();
      this.editor ??= openEditor(this.pre, {
        text: this.draft,
        label: this.label,
        run: () => this.run(),
        changed: (text) => this.change(text),
      });
    }
    this.editor.focus(at);
  }

  change(text) {
    this.draft = text;
    keep("code", this.id, this.isChanged ? text : null);
    this.changed();
  }

  /** Put the lesson's own code back. */
  reset() {
    if (this.editor) this.editor.setText(this.original);
    this.change(this.original);
    this.show();
  }

  show() {
    const code = this.pre.querySelector("code") ?? this.pre;
    code.textContent = this.draft;
    highlight(code);
  }
}
