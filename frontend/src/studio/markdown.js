// Markdown that code displays (rare, so a chunk of its own). Raw HTML in it is shown as text.

import MarkdownIt from "markdown-it";

const reader = new MarkdownIt({ html: false });
const { escapeHtml } = reader.utils;

// $...$ and $$...$$ before anything else reads their backslashes and underscores.
reader.inline.ruler.before("escape", "maths", (state, silent) => {
  const match = /^\$\$([^$]+)\$\$|^\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)/.exec(state.src.slice(state.pos));
  if (!match) return false;
  const [whole, display, inline] = match;
  const kind = display ? "display" : "inline";
  if (!silent) Object.assign(state.push("maths", "span", 0), { content: (display ?? inline).trim(), markup: kind });
  state.pos += whole.length;
  return true;
});
reader.renderer.rules.maths = (tokens, at) => {
  const token = tokens[at];
  const tex = escapeHtml(token.content);
  return `<span class="math ${token.markup}" data-tex="${tex}">${tex}</span>`;
};

export const renderMarkdown = (text) => reader.render(text);
