// input(): a field under the output, where the running code waits for an answer.

import { make, t } from "./page.js";

/** What a kernel asks with: `ask(prompt, secret)` gives a Promise of what was typed into `box`. */
export const questions = (box, outputs, say) => (prompt, secret) =>
  new Promise((resolve) => {
    const field = make("input", { type: secret ? "password" : "text", autocomplete: "off" });
    const form = make("form", { class: "cell-input" },
      make("label", {}, prompt || t("studio.run.input"), " ", field),
      make("button", {}, t("studio.run.send")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      outputs.print("stdout", `${prompt}${secret ? "…" : field.value}\n`);
      form.remove();
      resolve(field.value);
    });
    box.append(form);
    say("studio.run.asks");
    field.focus();
  });
