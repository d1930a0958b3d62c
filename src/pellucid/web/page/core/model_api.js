// The calls by messages of a notebook's widget: what core/http_api.js is by HTTP.

import { ApiError } from "./api_error.js";

/** Calls to the Python side of `model`, anywidget's; close() breaks off what waits. */
export function modelApi(model) {
  const own = Math.random().toString(36).slice(2); // a widget may be shown twice, by one model
  const waiting = new Map();
  const files = new Map();
  let asked = 0;
  let closed = false;

  function heard(message, buffers = []) {
    const one = waiting.get(message?.id);
    if (!one) return;
    if (message.event !== undefined) {
      one.onEvent(message.event);
      return;
    }
    waiting.delete(message.id);
    if (message.error !== undefined) one.reject(new ApiError(message.error));
    else one.resolve(withFile(message.answer ?? message.done, buffers[0]));
  }

  function withFile(answer, bytes) {
    if (answer.download && bytes) {
      forget();
      files.set(answer.download, URL.createObjectURL(new Blob([bytes])));
    }
    return answer;
  }

  function forget() {
    for (const url of files.values()) URL.revokeObjectURL(url);
    files.clear();
  }

  function ask(call, fields = {}, { onEvent = () => {}, signal } = {}) {
    const id = `${own} ${++asked}`;
    return new Promise((resolve, reject) => {
      const broken = () => {
        if (!waiting.delete(id)) return;
        model.send({ id, abort: true });
        reject(new DOMException("broken off", "AbortError"));
      };
      if (closed || signal?.aborted) {
        reject(new DOMException("broken off", "AbortError"));
        return;
      }
      signal?.addEventListener("abort", broken, { once: true });
      waiting.set(id, { resolve, reject, onEvent, broken });
      model.send({ id, call, fields });
    });
  }

  model.on("msg:custom", heard);
  return {
    call: ask,
    stream: ask,
    url: (path) => files.get(path) ?? path,
    close() {
      closed = true;
      for (const { broken } of waiting.values()) broken();
      model.off("msg:custom", heard);
      forget();
      model.send({ leave: true });
    },
  };
}
