// Asking the studio's server: JSON both ways, XSRF, and two kinds of failure.

import { config, inPageLanguage, t } from "./page.js";

/** The server answered, and said no; `answer` is what it said. */
export class Refused extends Error {
  constructor(status, answer) {
    super(inPageLanguage(answer?.message) || t("studio.server.refused", { status }));
    this.status = status;
    this.answer = answer;
  }
}

/** The server did not answer. */
export class Unreachable extends Error {
  constructor() {
    super(t("studio.server.unreachable"));
  }
}

/** The JSON answer of `${baseUrl}${address}`; throws Refused or Unreachable. */
export async function ask(method, address, body, { keepalive = false } = {}) {
  const xsrf = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/)?.[1] ?? "";
  let response;
  try {
    response = await fetch(config.baseUrl + address, {
      method,
      keepalive,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-XSRFToken": decodeURIComponent(xsrf) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Unreachable();
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

/** A moving picture's module, as anywidget wants it. */
export const widgetModule = (name) => import(new URL(`${config.static}widgets/${name}.js`, location).href);

export const api = (kind, ...names) => `gobhir/api/${[kind, ...names].map(encodeURIComponent).join("/")}`;
