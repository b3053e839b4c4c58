// Dark or light: what the page says (data-theme), else what Jupyter says, else what the system says.

// The host has an attribute of its own: a page may style whatever carries data-theme.
export function followTheme(host) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const watched = [document.documentElement, document.body];

  function apply() {
    const said = watched.map((element) => element.dataset.theme).find((theme) => theme === "dark" || theme === "light");
    const jupyter = { true: "light", false: "dark" }[document.body.dataset.jpThemeLight];
    host.dataset.tone = said ?? jupyter ?? (system.matches ? "dark" : "light");
  }

  const observer = new MutationObserver(apply);
  for (const element of watched) observer.observe(element, { attributeFilter: ["data-theme", "data-jp-theme-light"] });
  system.addEventListener("change", apply);
  apply();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", apply);
  };
}
