// What this browser keeps by itself: drafts of notes and code that the server has not got.
// Storage may be full or forbidden (private windows): then nothing is kept, and nothing breaks.

const name = (kind, id) => `gobhir:${kind}:${id}`;

export function keep(kind, id, value) {
  try {
    if (value == null) localStorage.removeItem(name(kind, id));
    else localStorage.setItem(name(kind, id), JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function kept(kind, id) {
  try {
    return JSON.parse(localStorage.getItem(name(kind, id)));
  } catch {
    return null;
  }
}
