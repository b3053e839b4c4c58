// The picture's place in the page's address: #glass=..., beside whatever else stands there.

const QUIET = 250; // browsers refuse an address that changes too often

export function makeAddress(key, onChange) {
  const prefix = `${key}=`;
  const parts = () => location.hash.slice(1).split("&").filter(Boolean);
  let waiting = null;
  let own = null;

  const get = () => parts().find((part) => part.startsWith(prefix))?.slice(prefix.length) ?? null;

  function put(written) {
    clearTimeout(waiting);
    waiting = setTimeout(() => write(written), QUIET);
  }

  function write(written) {
    waiting = null;
    own = written;
    const others = parts().filter((part) => part.includes("=") && !part.startsWith(prefix));
    const all = written === null ? others : [...others, prefix + written];
    try {
      history.replaceState(history.state, "", all.length ? `#${all.join("&")}` : location.pathname + location.search);
    } catch {
      // A sandboxed page may not change its address; the picture works without.
    }
  }

  function listen() {
    const written = get();
    if (written !== null && written !== own) onChange(written);
  }

  addEventListener("hashchange", listen);
  return { get, put, stop: () => (removeEventListener("hashchange", listen), clearTimeout(waiting)) };
}
