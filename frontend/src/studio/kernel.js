// The learner's kernel, over Jupyter's own client; a chunk of its own, loaded at the first Run.
// One kernel for all lessons and tabs: the server gives the same session for the same path.

import { ServerConnection } from "@jupyterlab/services/lib/serverconnection";
import { KernelConnection } from "@jupyterlab/services/lib/kernel/default";
import { config } from "./page.js";
import { ask } from "./server.js";

const SESSION = { path: "gobhir-studio", name: "gobhir", type: "studio", kernel: { name: "python3" } };

/** Why a run ended without the kernel's word: the kernel died, or nobody could be reached. */
export class Lost extends Error {
  constructor(why) {
    super(why);
    this.why = why;
  }
}

/** Connect to the learner's kernel, starting it where there is none. `lost` hears its end. */
export async function openKernel(lost) {
  const { kernel: model } = await ask("POST", "api/sessions", SESSION);
  const serverSettings = ServerConnection.makeSettings({
    baseUrl: new URL(config.baseUrl, location.href).href,
    wsUrl: new URL(config.baseUrl, location.href.replace(/^http/, "ws")).href,
    appendToken: false,
  });
  const kernel = new Kernel(new KernelConnection({ model, serverSettings }), lost);
  try {
    await kernel.say(greeting());
  } catch (error) {
    kernel.close();
    throw error;
  }
  return kernel;
}

// The kernel speaks the page's language, and gives the page its derivations to show. A kernel
// without Gobhir still runs code.
const greeting = () => `try:
    from gobhir.lang import use_language as _speak
    from gobhir.studio.live import start as _start
    _speak(${JSON.stringify(config.lang)}); _start(); del _speak, _start
except ImportError:
    pass`;

class Kernel {
  constructor(connection, lost) {
    this.connection = connection;
    this.restarting = false;
    this.gone = new Promise((_, reject) => (this.#lose = reject));
    this.gone.catch(() => {}); // heard by whoever runs something
    connection.statusChanged.connect((_, status) => {
      if (status === "autorestarting" || (status === "dead" && !this.restarting)) this.end("died", lost, status);
    });
    connection.connectionStatusChanged.connect((_, status) => {
      if (status === "disconnected" && !this.restarting) this.end("unreachable", lost);
    });
  }

  #lose;

  end(why, lost, status) {
    if (this.closed) return;
    this.closed = true;
    this.#lose(new Lost(why));
    lost(why);
    // Jupyter's client is reconnecting just now, and must not be let down in the middle of it.
    if (status !== "autorestarting") return setTimeout(() => this.connection.dispose());
    this.connection.connectionStatusChanged.connect((_, now) => {
      if (now === "connected") setTimeout(() => this.connection.dispose());
    });
  }

  close() {
    this.closed = true;
    this.connection.dispose();
  }

  /** Run code that the learner does not see. */
  async say(code) {
    await this.first(this.connection.requestExecute({ code, silent: true, store_history: false }).done);
  }

  /** What `expression` gives as JSON; none of the learner's names change. */
  async value(expression) {
    const { content } = await this.first(this.connection.requestExecute({
      code: "", silent: true, store_history: false, user_expressions: { value: expression },
    }).done);
    const { status, data, ename, evalue } = content.user_expressions?.value ?? content;
    if (status !== "ok") throw new Error(`${ename}: ${evalue}`);
    return data["application/json"];
  }

  /** Run `code`; `hear(type, content)` gets what comes back, `answer(prompt, secret)` gives input().
      Ends with the reply's status: "ok", "error" or "aborted". Throws Lost. */
  async run(code, hear, answer) {
    const future = this.connection.requestExecute({ code, allow_stdin: true, stop_on_error: true });
    future.onIOPub = ({ header, content }) => hear(header.msg_type, content);
    // Gives no promise back: Jupyter's client would wait for it before it hands on what was printed.
    future.onStdin = ({ header, content }) => {
      if (header.msg_type !== "input_request") return;
      answer(content.prompt, content.password).then((value) => {
        if (!future.isDisposed && value !== null) future.sendInputReply({ value, status: "ok" }, header);
      });
    };
    const reply = await this.first(future.done);
    return reply.content.status;
  }

  // The kernel's word, or its end; a restart cancels what was running.
  async first(done) {
    try {
      return await Promise.race([done, this.gone]);
    } catch (error) {
      throw error instanceof Lost || !this.restarting ? error : new Lost("restarted");
    }
  }

  get id() {
    return this.connection.id;
  }

  interrupt() {
    return this.connection.interrupt();
  }

  async restart() {
    this.restarting = true;
    try {
      await this.connection.restart();
      await this.say(greeting());
    } finally {
      this.restarting = false;
    }
  }
}
