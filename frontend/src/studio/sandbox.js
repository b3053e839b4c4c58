// HTML that carries script runs in a frame with an origin of its own: it sees neither the page,
// nor the learner's cookies, nor the network (the frame's page has its own policy, see pages.py).

import { config, make, t } from "./page.js";
import { isDark } from "./theme.js";

const frames = new WeakMap();

addEventListener("message", ({ source, data }) => {
  const frame = source && frames.get(source);
  if (frame && typeof data?.height === "number") frame.style.height = `${Math.min(data.height, 20000)}px`;
});

/** A sandboxed frame that shows `html` and is as high as it needs to be. */
export function sandboxed(html) {
  const frame = make("iframe", {
    class: "output output-frame",
    sandbox: "allow-scripts",
    title: t("studio.run.frame"),
    src: `${config.baseUrl}gobhir/frame`,
  });
  frame.addEventListener("load", () => {
    frames.set(frame.contentWindow, frame);
    frame.contentWindow.postMessage({ html, dark: isDark() }, "*"); // its origin is opaque
  }, { once: true });
  return frame;
}

/** Show the stored outputs that wait as text in <template class="sandboxed">. */
export function showSandboxed(root = document) {
  for (const template of root.querySelectorAll("template.sandboxed")) {
    template.replaceWith(sandboxed(template.content.textContent));
  }
}
