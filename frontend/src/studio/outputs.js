// What a kernel sends back, as elements of the page. Same classes as the stored outputs
// (course/outputs.py), so that a run looks like what stood there before.

import { failed } from "./failure.js";
import { typeset } from "./maths.js";
import { make, t } from "./page.js";
import { sandboxed } from "./sandbox.js";

const LIMIT = 200_000; // characters of text a cell may print; an endless loop must not fill the page
const WIDGET = "application/vnd.jupyter.widget-view+json";
const PAGE = "application/vnd.gobhir.page+json";

/** The outputs of one cell: feed it the kernel's messages with `hear(type, content)`. What among
    them can be asked is asked of `kernel`. */
export class Outputs {
  constructor(box, kernel = null) {
    this.box = box;
    this.kernel = kernel;
    this.displays = new Map();
    this.restart();
  }

  restart() {
    this.box.replaceChildren();
    this.displays.clear();
    this.stream = null;
    this.printed = 0;
    this.clearNext = false;
  }

  hear(type, content) {
    if (type === "clear_output") {
      if (content.wait) this.clearNext = true;
      else this.restart();
    } else if (type === "stream") this.print(content.name, content.text);
    else if (type === "execute_result" || type === "display_data") this.add(this.display(content));
    else if (type === "update_display_data") this.update(content);
    else if (type === "error") this.add(failed(content));
  }

  add(element) {
    if (this.clearNext) this.restart();
    this.stream = null;
    if (element) this.box.append(element);
  }

  print(name, text) {
    if (this.clearNext) this.restart();
    if (this.printed >= LIMIT) return;
    text = text.slice(0, LIMIT - this.printed);
    // The server, too, holds back what comes too fast, and says so in its own words.
    this.printed = text.startsWith("IOPub data rate exceeded") ? LIMIT : this.printed + text.length;
    if (this.printed === LIMIT) this.add(make("p", { class: "output note" }, t("studio.run.shortened")));
    else this.append(name, text);
  }

  append(name, text) {
    if (this.stream?.dataset.name !== name) {
      this.stream = make("pre", { class: `output output-${name}`, "data-name": name });
      this.stream.pending = "";
      this.stream.shown = "";
      this.box.append(this.stream);
    }
    const stream = this.stream;
    stream.pending += plain(text);
    // Drawn some twenty times a second at most, however fast the lines come.
    stream.timer ??= setTimeout(() => {
      stream.timer = null;
      stream.shown = overwritten(stream.shown + stream.pending);
      stream.pending = "";
      stream.textContent = stream.shown;
    }, 40);
  }

  display({ data, metadata, transient }) {
    const element = rendered(data, metadata ?? {}, this.kernel);
    if (transient?.display_id && element) this.displays.set(transient.display_id, element);
    return element;
  }

  update(content) {
    const old = this.displays.get(content.transient?.display_id);
    if (old) old.replaceWith(this.display(content) ?? "");
  }
}

/** One MIME bundle as an element; null when there is nothing to show. */
function rendered(data, metadata, kernel) {
  if (data[PAGE]) return derivation(data, kernel);
  const html = data["text/html"];
  if (data[WIDGET] && !html && !data["text/markdown"]) return make("p", { class: "output note" }, t("studio.run.widget"));
  if (html) return isPlain(html) ? plainHtml(html) : sandboxed(html);
  if (data["text/markdown"]) return markdown(data["text/markdown"]);
  if (data["image/svg+xml"]) return picture(`data:image/svg+xml;base64,${base64(data["image/svg+xml"])}`);
  for (const kind of ["image/png", "image/jpeg", "image/gif"]) {
    if (data[kind]) return picture(`data:${kind};base64,${data[kind].trim()}`, metadata[kind]?.width);
  }
  if (data["text/latex"]) return formula(data["text/latex"]);
  const text = data["text/plain"] ?? (data["application/json"] && JSON.stringify(data["application/json"], null, 2));
  return text == null ? null : make("pre", { class: "output output-text" }, plain(text));
}

// A picture cannot run the script of an SVG, and so needs no frame.
function picture(src, width) {
  return make("img", { class: "output", src, alt: t("studio.run.picture"), width });
}

function formula(latex) {
  const tex = latex.trim().replace(/^\$+|\$+$/g, "").replace(/^\\\[|\\\]$/g, "").trim();
  const box = make("div", { class: "output" }, make("span", { class: "math display", "data-tex": tex }, tex));
  typeset(box);
  return box;
}

function derivation(data, kernel) {
  const box = make("div", { class: "output output-page" });
  import("./explained.js").then(({ showPage }) => {
    try {
      showPage(box, data[PAGE], kernel, checked);
    } catch {
      box.replaceWith(markdown(data["text/markdown"] ?? ""));
    }
  });
  return box;
}

function markdown(text) {
  const box = make("div", { class: "output output-markdown" });
  import("./markdown.js").then(({ renderMarkdown }) => {
    box.innerHTML = renderMarkdown(text); // markdown-it with html: false: raw HTML stays text
    return typeset(box);
  });
  return box;
}

// What may stand in the page itself: tags and attributes that cannot act (as in course/outputs.py).
const TAGS = new Set(
  ("p div span b i em strong u s sub sup small code pre kbd samp br hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd " +
    "table caption thead tbody tfoot tr th td col colgroup blockquote abbr details summary figure figcaption mark").split(" "),
);
const ATTRIBUTES = new Set("class title lang dir colspan rowspan scope open start".split(" "));

const OF_A_PAGE = new Set(["section", "div", "aside"]);
const PAGES_OWN = /^data-[a-z]+$/;

/** A derivation's HTML, if there is nothing in it but what it is made of; else an Error. */
function checked(html) {
  const parts = [...parsed(html).querySelectorAll("*")].filter((part) => !/^(html|head|body)$/.test(part.localName));
  const known = (part) =>
    (TAGS.has(part.localName) || OF_A_PAGE.has(part.localName)) &&
    part.getAttributeNames().every((name) => ATTRIBUTES.has(name) || name === "id" || PAGES_OWN.test(name));
  if (!parts.every(known)) throw new Error("not a derivation");
  return html;
}

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");

function isPlain(html) {
  if (html.includes("<!") || /<\/?(html|head|body)\b/i.test(html)) return false;
  const found = parsed(html);
  if (found.head.childElementCount) return false;
  return [...found.body.querySelectorAll("*")].every(
    (element) => TAGS.has(element.localName) && element.getAttributeNames().every((name) => ATTRIBUTES.has(name)),
  );
}

function plainHtml(html) {
  return make("div", { class: "output output-html" }, ...parsed(html).body.childNodes);
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** Text without a terminal's colours. */
export const plain = (text) => text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");

/** Text as a terminal shows it: after a lone carriage return the line is written anew. */
export const overwritten = (text) => text.replace(/\r+\n/g, "\n").replace(/[^\n]*\r(?=[^\n])/g, "");
