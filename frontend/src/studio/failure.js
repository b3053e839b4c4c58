// An exception, readable: its name first, a line in the reader's language, the line of the code,
// and the whole traceback folded away for whoever wants it.

import { config, make, t } from "./page.js";

/** The kernel's `error` message as an element. */
export function failed({ ename, evalue, traceback }) {
  const trace = traceback.join("\n").replace(/\u001b\[[0-9;]*m/g, "");
  if (ename === "KeyboardInterrupt") return make("p", { class: "output note" }, t("studio.run.stopped"));
  const line = [...trace.matchAll(/Cell In\[\d+\], line (\d+)/g)].at(-1)?.[1];
  const code = line && trace.match(new RegExp(`^-*> ?${line} (.*)$`, "m"))?.[1].trim();
  return failure({ name: ename, says: evalue, line, code, traceback: trace });
}

/** An exception as an element. line: where in the reader's code; code: what stands there. */
export function failure({ name, says, line, code, traceback }) {
  // keys: studio.exception.*
  const explained = `studio.exception.${name}`;
  return make(
    "div",
    { class: "output output-error" },
    make("p", { class: "error-name" }, make("strong", {}, name), says ? `: ${says}` : ""),
    explained in config.strings ? make("p", { class: "error-help" }, t(explained)) : null,
    line
      ? make("p", { class: "error-line" }, t("studio.run.line", { line }), code ? make("code", {}, code) : "")
      : null,
    make(
      "details",
      {},
      make("summary", {}, t("studio.run.traceback")),
      make("pre", { tabindex: "0" }, traceback),
    ),
  );
}
