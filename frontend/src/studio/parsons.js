// An exercise without typing: its lines are touched, dragged or moved by key into a program.

import { keep, kept } from "./kept.js";
import { count, make, t } from "./page.js";

/** The lines of one exercise, most of them the program's; `text` is what has been put together. */
export class Parsons {
  constructor(box, { id }) {
    this.id = id;
    this.pieces = JSON.parse(box.dataset.pieces);
    this.taken = (kept("lines", id) ?? []).filter((place) => place in this.pieces);
    this.program = make("ol", { class: "parsons-program", "aria-label": t("studio.exercise.program") });
    this.bank = make("ul", { class: "parsons-bank", "aria-label": t("studio.exercise.bank") });
    this.status = make("p", { class: "visually-hidden", role: "status" });
    this.element = make("div", { class: "parsons" },
      make("p", { class: "label" }, t("studio.exercise.program")), this.program,
      make("p", { class: "label" }, t("studio.exercise.bank")), this.bank, this.status);
    this.program.addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  get text() {
    return this.taken.map((place) => `${this.pieces[place]}\n`).join("");
  }

  change(taken, focus) {
    this.taken = taken;
    keep("lines", this.id, taken.length ? taken : null);
    this.show();
    if (focus === undefined) return;
    const place = taken.indexOf(focus);
    this.element.querySelector(`[data-piece="${focus}"] .line`)?.focus();
    if (place >= 0) this.status.textContent = t("studio.exercise.taken", { place: count(place + 1), count: count(taken.length) });
  }

  take(piece) {
    this.change([...this.taken, piece], piece);
  }

  putBack(piece) {
    this.change(this.taken.filter((other) => other !== piece), piece);
  }

  /** Put a taken line where another one is, `to` counted in the program. */
  move(piece, to) {
    const rest = this.taken.filter((other) => other !== piece);
    rest.splice(Math.max(0, Math.min(to, rest.length)), 0, piece);
    this.change(rest, piece);
  }

  key(event) {
    const piece = Number(event.target.closest("[data-piece]")?.dataset.piece);
    const at = this.taken.indexOf(piece);
    if (at < 0) return;
    if (event.key === "ArrowUp") this.move(piece, at - 1);
    else if (event.key === "ArrowDown") this.move(piece, at + 1);
    else if (event.key === "Delete" || event.key === "Backspace") this.putBack(piece);
    else return;
    event.preventDefault();
  }

  show() {
    this.program.replaceChildren(...this.taken.map((piece) => this.takenLine(piece)));
    if (!this.taken.length) this.program.append(make("li", { class: "empty" }, t("studio.exercise.empty")));
    const left = this.pieces.map((_, piece) => piece).filter((piece) => !this.taken.includes(piece));
    this.bank.replaceChildren(...left.map((piece) => make("li", { "data-piece": piece },
      make("button", { type: "button", class: "line", onclick: () => this.take(piece) }, this.code(piece)))));
  }

  code(piece) {
    return make("code", {}, this.pieces[piece]);
  }

  takenLine(piece) {
    const at = () => this.taken.indexOf(piece);
    const button = (label, sign, work) =>
      make("button", { type: "button", "aria-label": label, title: label, onclick: work }, sign);
    const row = make("li", { "data-piece": piece },
      make("span", { class: "grip", "aria-hidden": "true" }, "⠿"),
      make("div", { class: "line", tabindex: 0 }, this.code(piece)),
      make("div", { class: "moves" },
        button(t("course.quiz.up"), "↑", () => this.move(piece, at() - 1)),
        button(t("course.quiz.down"), "↓", () => this.move(piece, at() + 1)),
        button(t("studio.exercise.back"), "×", () => this.putBack(piece))));
    row.querySelector(".grip").addEventListener("pointerdown", (event) => this.drag(event, row, piece));
    return row;
  }

  /** The line follows the finger over the others and stays where it is let go. */
  drag(event, row, piece) {
    if (event.button !== 0) return;
    const grip = event.currentTarget;
    grip.setPointerCapture(event.pointerId);
    const follow = ({ clientY }) => {
      const other = [...this.program.children].find((li) => {
        const { top, bottom } = li.getBoundingClientRect();
        return li !== row && clientY > top && clientY < bottom;
      });
      if (!other) return;
      const { top, height } = other.getBoundingClientRect();
      row.classList.add("dragged");
      if (clientY < top + height / 2) other.before(row);
      else other.after(row);
    };
    const drop = () => {
      grip.removeEventListener("pointermove", follow);
      row.classList.remove("dragged");
      const order = [...this.program.children].map((li) => Number(li.dataset.piece));
      if (order.join() !== this.taken.join()) this.change(order, piece);
    };
    grip.addEventListener("pointermove", follow);
    grip.addEventListener("pointerup", drop, { once: true });
    grip.addEventListener("pointercancel", drop, { once: true });
  }
}
