// A derivation's page in a notebook, in a shadow root of its own: what the notebook styles does not
// reach it. A click becomes a message to Python, which answers with one of the same number.
const FACES = /@font-face\s*{[^}]*}/g; // a shadow root has no fonts of its own: the document gets them

function themed(host) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const places = [document.documentElement, document.body];
  const apply = () => {
    const said = places.map((place) => place.dataset.theme).find((theme) => theme === "dark" || theme === "light");
    const jupyter = { true: "light", false: "dark" }[document.body.dataset.jpThemeLight];
    const code = { "vscode-dark": "dark", "vscode-light": "light" }[document.body.dataset.vscodeThemeKind];
    host.style.colorScheme = said ?? jupyter ?? code ?? (system.matches ? "dark" : "light");
  };
  const observer = new MutationObserver(apply);
  for (const place of places) observer.observe(place, { attributes: true });
  system.addEventListener("change", apply);
  apply();
  return () => {
    observer.disconnect();
    system.removeEventListener("change", apply);
  };
}

function render({ model, el }) {
  const host = document.createElement("div");
  host.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys would take ours
  const shadow = host.attachShadow({ mode: "open" });
  const style = model.get("style");
  const faces = style.match(FACES) ?? [];
  if (faces.length && ![...document.fonts].some((face) => face.family.includes("KaTeX_Main"))) {
    const fonts = document.createElement("style");
    fonts.textContent = faces.join("\n");
    document.head.append(fonts);
  }
  const sheet = document.createElement("style");
  sheet.textContent = style.replace(FACES, "");
  const body = document.createElement("div");
  body.innerHTML = model.get("html");
  shadow.append(sheet, body);
  el.replaceChildren(host);
  body.querySelectorAll(".math").forEach(typeset);

  let last = 0;
  const waiting = new Map();
  const ask = (question) =>
    new Promise((resolve, reject) => {
      waiting.set((last += 1), { resolve, reject });
      model.send({ id: last, ask: question });
    });
  const answered = ({ id, html, trouble }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (trouble !== undefined) reject?.(new Error(trouble));
    else resolve?.(html);
  };
  model.on("msg:custom", answered);
  const stopTheme = themed(host);
  const stopAsking = body.querySelector("[data-words]") ? asking(body, ask) : () => {};
  return () => {
    model.off("msg:custom", answered);
    stopTheme();
    stopAsking();
  };
}

export default { render };
