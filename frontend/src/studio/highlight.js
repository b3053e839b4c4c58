// Colours for Python that is only read. The editor, once it is there, uses the same class names.

const PYTHON = new RegExp(
  [
    /(?<comment>#[^\n]*)/,
    /(?<string>[rbfuRBFU]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))/,
    /(?<number>\b\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?\b)/,
    /(?<keyword>\b(?:and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)/,
    /(?<bool>\b(?:True|False|None)\b)/,
    /(?<word>[A-Za-z_]\w*)/, // taken whole, so that no number or keyword is found inside it
  ].map((part) => part.source).join("|"),
  "g",
);

/** Wrap what is worth a colour in `<span class="tok-...">`; the text stays the same. */
export function highlight(code) {
  const text = code.textContent;
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(PYTHON)) {
    const [kind] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    if (kind === "word") continue;
    parts.push(text.slice(at, match.index), coloured(kind, match[0]));
    at = match.index + match[0].length;
  }
  code.replaceChildren(...parts, text.slice(at));
}

function coloured(kind, text) {
  const span = document.createElement("span");
  span.className = `tok-${kind}`;
  span.textContent = text;
  return span;
}
