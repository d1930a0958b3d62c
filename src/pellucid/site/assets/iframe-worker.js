// Search in pages that are opened from disk: browsers allow no Worker there, so that a frame of the
// same page does its work, with the same messages to and fro.

"use strict";

if (window.location.protocol === "file:") {
    window.Worker = class extends EventTarget {
        constructor(url) {
            super();
            const frame = document.createElement("iframe");
            frame.hidden = true;
            frame.title = "search";
            document.body.append(frame);
            const inner = frame.contentWindow;
            const tell = (target, data) =>
                target.dispatchEvent(new MessageEvent("message", { data }));
            const script = frame.contentDocument.createElement("script");
            inner.postMessage = (data) => tell(this, data);
            inner.importScripts = () => {};
            this.loaded = new Promise((resolve) => script.addEventListener("load", resolve));
            this.loaded.then(() => { this.tell = (data) => tell(inner, data); });
            this.frame = frame;
            script.src = String(url);
            frame.contentDocument.body.append(script);
        }

        postMessage(data) {
            this.loaded.then(() => this.tell(data));
        }

        terminate() {
            this.frame.remove();
        }
    };
}
