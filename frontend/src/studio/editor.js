// The code editor (CodeMirror 6), in a chunk of its own: it is loaded when somebody wants to edit.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/**
 * Put an editor in the place of `pre`. Tab indents; Escape, then Tab, goes on to the next control
 * (CodeMirror's own way out). Returns {text(), setText(text), focus()}.
 */
export function openEditor(pre, { text, label, run, changed }) {
  const keys = [
    { key: "Shift-Enter", run: () => (run(), true) },
    { key: "Mod-Enter", run: () => (run(), true) },
    indentWithTab,
    ...historyKeymap,
    ...defaultKeymap,
  ];
  const view = new EditorView({
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of(keys),
        history(),
        drawSelection(),
        python(),
        indentUnit.of("    "),
        indentOnInput(),
        bracketMatching(),
        syntaxHighlighting(classHighlighter),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => update.docChanged && changed(view.state.doc.toString())),
      ],
    }),
  });
  pre.replaceWith(view.dom);
  return {
    text: () => view.state.doc.toString(),
    setText: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    focus: (at) => {
      view.focus();
      const place = at && view.posAtCoords(at);
      if (place != null) view.dispatch({ selection: { anchor: place } });
    },
  };
}
