// Who answers the page's calls: the server that gave it out, or a record that lies beside it.

import { httpApi } from "./http_api.js";
import { recordApi } from "./record_api.js";

/** The page's API: {call, stream, url, recorded}. A page with a record says where that is. */
export function pageApi() {
  const record = document.querySelector('meta[name="pellucid-record"]');
  return record ? recordApi(record.content) : httpApi();
}
