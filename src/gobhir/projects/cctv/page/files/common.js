// What all pages of the dashboard share: settings, elements, asking the server, drawing over a picture.
export const settings = JSON.parse(document.getElementById("settings").textContent);
export const { texts, lang } = settings;
export const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A text of the catalogue with its values put in. */
export const said = (key, values = {}) => texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

/** How a number is written: as people read it, in ASCII. */
export const number = (value) => Number(value.toPrecision(6)).toString();

export async function ask(path, method = "GET", content) {
  const address = `${path}${path.includes("?") ? "&" : "?"}lang=${lang}`;
  const options = { method, headers: {} };
  if (method !== "GET") options.headers["x-xsrf"] = settings.xsrf;
  if (content !== undefined) {
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(content);
  }
  let reply;
  try {
    reply = await fetch(address, options);
  } catch {
    throw new Error(texts.unreachable);
  }
  if (reply.status === 401) location.assign(`/login?lang=${lang}`);
  if (!reply.ok) {
    const error = (await reply.json().catch(() => null))?.error;
    throw Object.assign(new Error(error?.message ?? texts.unreachable), { key: error?.key, problem: error?.problem });
  }
  return reply;
}

/** A camera's newest picture: its address, who is in it, and whether it is an old one. */
export async function picture(name) {
  const reply = await ask(`/api/cameras/${encodeURIComponent(name)}/picture`);
  if (reply.status === 204) throw new Error(texts.no_picture);
  const people = JSON.parse(reply.headers.get("x-seen") ?? "[]");
  return { url: URL.createObjectURL(await reply.blob()), people, stale: reply.headers.get("x-stale") === "1" };
}

/** Put a picture into an image; gives how high it is for a width of 1000. */
export async function show(image, url) {
  const before = image.src;
  image.src = url;
  try {
    await image.decode();
  } finally {
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }
  return (1000 * image.naturalHeight) / image.naturalWidth;
}

export const path = (points, height) => points.map(([x, y]) => `${x * 1000},${y * height}`).join(" ");

/** The arrow that shows which way over a line is inwards: to the right of who looks from a to b. */
export function inwards([[ax, ay], [bx, by]], height) {
  const [dx, dy] = [(bx - ax) * 1000, (by - ay) * height];
  const long = Math.hypot(dx, dy) || 1;
  const [mx, my] = [(ax + bx) * 500, ((ay + by) * height) / 2];
  const [nx, ny] = [-dy / long, dx / long];
  const tip = [mx + 60 * nx, my + 60 * ny];
  const wing = (side) => `${tip[0] - 20 * nx + (side * 14 * dx) / long},${tip[1] - 20 * ny + (side * 14 * dy) / long}`;
  return `M${mx},${my}L${tip}M${wing(1)}L${tip}L${wing(-1)}`;
}

$("leave")?.addEventListener("click", async () => {
  await ask("/api/logout", "POST").catch(() => {});
  location.assign(`/login?lang=${lang}`);
});
