// The calls to the server that is on this machine: JSON in, JSON or lines of JSON out.

import { ApiError } from "./api_error.js";

const ENDED = 410;
const NOWHERE = 404; // without a word: the address has the token of an earlier start
const SILENT = "The server does not answer: start pellucid serve again. At the same address this " +
  "page goes on; to another one take the state along.";

/** Calls by HTTP; `base` is the page's own address, with its token. */
export function httpApi(base = new URL("./", document.baseURI).href) {
  let session = null;

  async function opened() {
    session ??= ask("session", {}, {}).then(async (answer) => (await checked(answer)).session);
    try {
      return await session;
    } catch (error) {
      session = null;
      throw error;
    }
  }

  async function ask(name, fields, headers, signal) {
    const body = JSON.stringify(fields);
    const all = { "Content-Type": "application/json", ...headers };
    try {
      return await fetch(`${base}api/${name}`, { method: "POST", headers: all, body, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new ApiError(SILENT, { lost: true });
    }
  }

  async function asked(name, fields, signal) {
    const mine = await opened();
    const answer = await ask(name, fields, { "Pellucid-Session": mine }, signal);
    if (answer.status !== ENDED) return answer;
    if ((await session) === mine) session = null;
    return ask(name, fields, { "Pellucid-Session": await opened() }, signal);
  }

  window.addEventListener("pagehide", async (event) => {
    if (event.persisted || !session) return;
    const headers = { "Content-Type": "application/json", "Pellucid-Session": await session };
    fetch(`${base}api/close`, { method: "POST", headers, body: "{}", keepalive: true })
      .catch(() => {}); // it is only a courtesy: the server gives the memory back in time
  });

  return {
    call: async (name, fields = {}, { signal } = {}) => checked(await asked(name, fields, signal)),
    stream: async (name, fields = {}, { onEvent = () => {}, signal } = {}) =>
      followed(await asked(name, fields, signal), onEvent),
    url: (path) => `${base}${path}`,
  };
}

async function checked(answer) {
  const said = await answer.json().catch((error) => {
    if (error.name === "AbortError") throw error; // it was broken off, and is nobody's mistake
    return null;
  });
  const lost = answer.status === NOWHERE && !said;
  if (!answer.ok) throw new ApiError(said?.error ?? refused(answer.status), { lost });
  if (said === null) throw new ApiError("The server's answer is no JSON.");
  return said;
}

function refused(status) {
  return status === NOWHERE
    ? "The server was started anew: open the address that it prints, and take the state along."
    : `The server answers ${status}.`;
}

async function followed(answer, onEvent) {
  if (!answer.ok) return checked(answer);
  let rest = "";
  for await (const text of pieces(answer.body)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    for (const line of lines.filter((one) => one.trim())) {
      const event = JSON.parse(line);
      if (event.error !== undefined) throw new ApiError(event.error);
      if (event.done !== undefined) return event.done;
      onEvent(event);
    }
  }
  throw new ApiError("The server broke off: try it again.");
}

async function* pieces(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
