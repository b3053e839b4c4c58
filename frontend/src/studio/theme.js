// Light or dark: what the system prefers, until the learner chooses.

import { ask, api } from "./server.js";

const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;

export const isDark = () => (root.dataset.theme === "auto" ? dark.matches : root.dataset.theme === "dark");

export function startTheme() {
  const button = document.getElementById("theme-switch");
  if (!button) return;
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
    // A choice that cannot be saved still holds for this page.
    ask("PUT", api("settings"), { theme: root.dataset.theme }).catch(() => {});
  });
  dark.addEventListener("change", show);
  button.hidden = false;
  show();
}
